import {
  type CausalLanguageModel,
  generate,
  type GenerateOptions,
  streamTexts,
  type TextPiece,
} from '@formers/generation';
import type { Tokenizer } from '@formers/tokenizers';

import { checkText, refuse } from '../inputs.ts';
import { type CallOptions, runBatches } from '../run-batches.ts';
import { type ChatMessage, type ChatOptions, continuesMessage, renderChat } from '../writing/chat.ts';
import { encodedTokenizer } from '../writing/encoded-tokenizer.ts';
import { generateOptions } from '../writing/generate-options.ts';
import { seedOf, taskSettings, type WritingModel } from '../writing/generation-defaults.ts';
import { definePipeline, type TextParts, type TextPipeline } from './task.ts';

const TASK = 'text-generation';

/** A text that was written. */
export interface GeneratedText {
  readonly generated_text: string;
}

/** A chat and its answer. */
export interface GeneratedChat {
  /** All messages; with `returnFullText: false` the answer alone. */
  readonly generated_text: ChatMessage[] | string;
}

/** How texts are continued: all options of `generate`, and these. */
export interface TextGenerationOptions
  extends
    Omit<GenerateOptions, 'attentionMask' | 'decoderInputIds' | 'encoderInputIds' | 'tokenizer'>,
    CallOptions,
    ChatOptions {
  /** Whether results begin with the prompt; default true. */
  readonly returnFullText?: boolean | undefined;
  /** Whether special tokens are added to prompts; default as the tokenizer does. Those of chats are part of the template. */
  readonly addSpecialTokens?: boolean | undefined;
}

const OWN_OPTIONS = [
  'batchSize',
  'onProgress',
  'chatTemplate',
  'tools',
  'documents',
  'templateOptions',
  'continueFinalMessage',
  'returnFullText',
  'addSpecialTokens',
] as const satisfies (keyof TextGenerationOptions)[];

/** How texts are streamed. */
export interface TextStreamOptions extends Omit<TextGenerationOptions, 'returnFullText'> {
  /** Whether a piece comes as soon as its characters are whole (`token`) or its words are (`word`, default). */
  readonly by?: 'token' | 'word' | undefined;
}

/** A prompt: a text to go on with, or a chat to answer. */
export type Prompt = string | readonly ChatMessage[];

/** A model that {@link textGeneration} takes. */
export type TextWriter = CausalLanguageModel & WritingModel;

/** Goes on with texts and chats. */
export interface TextGenerationPipeline extends TextPipeline<typeof TASK, TextWriter> {
  /** Continues a text: `numReturnSequences` results, one by default. */
  (text: string, options?: TextGenerationOptions): Promise<GeneratedText[]>;
  /** Answers a chat. */
  (chat: readonly ChatMessage[], options?: TextGenerationOptions): Promise<GeneratedChat[]>;
  /** Continues several texts. */
  (texts: readonly string[], options?: TextGenerationOptions): Promise<GeneratedText[][]>;
  /** Answers several chats. */
  (chats: readonly (readonly ChatMessage[])[], options?: TextGenerationOptions): Promise<GeneratedChat[][]>;
  /** What is written, word by word; ends early by `break` or the `signal`. */
  stream(prompt: Prompt, options?: TextStreamOptions): AsyncGenerator<string, void>;
  /** What is written after each of several prompts, as it comes. */
  streamAll(prompts: readonly Prompt[], options?: TextStreamOptions): AsyncGenerator<TextPiece, void>;
}

/**
 * A pipeline that writes.
 *
 * @example
 * const write = textGeneration({ model, tokenizer });
 * const [{ generated_text }] = await write('Call me', { maxNewTokens: 20 });
 * for await (const words of write.stream([{ role: 'user', content: 'Hello!' }])) console.log(words);
 */
export function textGeneration({ model, tokenizer }: TextParts<TextWriter>): TextGenerationPipeline {
  const { generationConfig, prefix } = taskSettings(model, { tokenizer, task: TASK });
  const settingsOf = (batch: readonly PreparedPrompt[], options: TextGenerationOptions): GenerateOptions => {
    const { maxLength = Infinity } = generationConfig; // of the model's files: longer prompts are continued all the same
    const isTooShort = batch.some(({ ids }) => ids.length >= maxLength);
    const general = isTooShort ? { ...generationConfig, maxLength: undefined } : generationConfig;
    const given = generateOptions(options, OWN_OPTIONS);
    return { tokenizer, ...given, generationConfig: { ...general, ...options.generationConfig } };
  };
  const prepare = (prompt: Prompt, options: TextGenerationOptions): Promise<PreparedPrompt> =>
    preparePrompt(prompt, { tokenizer, prefix, options });

  const call = async (input: Prompt | readonly Prompt[], options: TextGenerationOptions = {}): Promise<unknown> => {
    const { returnFullText = true } = options;
    const prompts = readPrompts(input);
    const prepared = await Promise.all(prompts.map((prompt) => prepare(prompt, options)));
    const results = await runBatches(prepared, options, async (batch, start) => {
      const { newTokens } = await generate(
        model,
        batch.map(({ ids }) => ids),
        { ...settingsOf(batch, options), seed: seedOf(options, start) },
      );
      options.signal?.throwIfAborted();
      const copies = newTokens.length / batch.length;
      return batch.map(({ prompt }, row) =>
        newTokens.slice(row * copies, (row + 1) * copies).map((ids) => {
          const text = tokenizer.decode(ids, { skipSpecialTokens: true });
          return { generated_text: returnFullText ? after(prompt, { text, options }) : text };
        }),
      );
    });
    return isMany(input) ? results : results[0];
  };

  async function* streamAll(
    prompts: readonly Prompt[],
    { by = 'word', ...options }: TextStreamOptions = {},
  ): AsyncGenerator<TextPiece, void> {
    const prepared = await Promise.all(readPrompts(prompts).map((prompt) => prepare(prompt, options)));
    yield* streamTexts(
      model,
      encodedTokenizer(
        tokenizer,
        prepared.map(({ ids }) => ids),
      ),
      Object.keys(prepared),
      {
        ...settingsOf(prepared, options),
        by,
      },
    );
  }
  async function* stream(prompt: Prompt, options?: TextStreamOptions): AsyncGenerator<string, void> {
    for await (const { text } of streamAll([prompt], options)) yield text;
  }
  return Object.assign(definePipeline(call as TextGenerationPipeline, { task: TASK, model, tokenizer }), {
    stream,
    streamAll,
  });
}

interface PreparedPrompt {
  readonly prompt: Prompt;
  readonly ids: Int32Array;
}

async function preparePrompt(
  prompt: Prompt,
  { tokenizer, prefix, options }: { tokenizer: Tokenizer; prefix: string; options: TextGenerationOptions },
): Promise<PreparedPrompt> {
  const isChat = typeof prompt !== 'string';
  const text = isChat ? await renderChat(prompt, { ...options, tokenizer, where: TASK }) : prefix + prompt;
  const { addSpecialTokens = true } = options;
  const { ids } = tokenizer.encode(text, {
    addSpecialTokens: addSpecialTokens && !isChat,
    truncation: false,
    padding: false,
  });
  const begin = tokenizer.bosTokenId ?? tokenizer.eosTokenId;
  if (ids.length > 0 || begin === undefined) return { prompt, ids };
  return { prompt, ids: Int32Array.of(begin) }; // nothing: a text from its beginning
}

function isMany(input: Prompt | readonly Prompt[]): input is readonly Prompt[] {
  return Array.isArray(input) && !isMessage(input[0]);
}

function isMessage(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'role' in value;
}

function readPrompts(input: Prompt | readonly Prompt[]): readonly Prompt[] {
  const prompts = isMany(input) ? input : [input];
  for (const [i, prompt] of prompts.entries()) checkPrompt(prompt, isMany(input) ? `prompt[${i}]` : 'prompt');
  return prompts;
}

function checkPrompt(prompt: unknown, name: string): void {
  if (typeof prompt === 'string') return;
  if (!Array.isArray(prompt) || prompt.length === 0)
    refuse({ where: TASK, name }, 'a text or a chat, a list of { role, content }', prompt);
  for (const [i, message] of (prompt as unknown[]).entries()) {
    const place = `${name}[${i}]`;
    if (!isMessage(message)) refuse({ where: TASK, name: place }, 'a message { role, content }', message);
    const { role, content } = message as Record<string, unknown>;
    checkText(role, { where: TASK, name: `${place}.role` });
    checkText(content, { where: TASK, name: `${place}.content` });
  }
}

/** The prompt and what was written after it. */
function after(prompt: Prompt, { text, options }: { text: string; options: ChatOptions }): ChatMessage[] | string {
  if (typeof prompt === 'string') return prompt + text;
  const last = prompt.at(-1);
  if (!last || !continuesMessage(prompt, options)) return [...prompt, { role: 'assistant', content: text }];
  return [...prompt.slice(0, -1), { ...last, content: last.content + text }];
}
