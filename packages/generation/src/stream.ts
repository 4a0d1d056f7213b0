import { GenerationError } from './errors.ts';
import { modelDefaults } from './model-defaults.ts';
import type { LanguageModel, GenerationTokenizer, TextDecoder } from './model.ts';
import type { GenerateOptions } from './options.ts';
import type { Prompts } from './prompts.ts';
import { type GeneratedToken, sample } from './sample.ts';
import { openSession } from './session.ts';
import { wordBuffer } from './word-buffer.ts';

/** Options of the functions that stream text. */
export interface StreamTextOptions extends GenerateOptions {
  /** Whether a piece comes as soon as its characters are whole (`token`, default) or its words are (`word`). */
  readonly by?: 'token' | 'word' | undefined;
}

/** A piece of text and the row that it belongs to. */
export interface TextPiece {
  readonly row: number;
  readonly text: string;
}

/**
 * Generates tokens as they are asked for; the same ones as {@link generate}. Ends early by `break` or the `signal`.
 *
 * Throws a {@link GenerationError} at once when a prompt or an option is out of range; there is no beam search.
 *
 * @example
 * for await (const { id } of streamTokens(model, [1, 2, 3], { maxNewTokens: 50 })) console.log(id);
 */
export function streamTokens(
  model: LanguageModel,
  prompts: Prompts,
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, void> {
  const where = 'streamTokens';
  const session = openSession(model, prompts, { options, where });
  if (session.settings.numBeams > 1)
    throw new GenerationError(
      `${where}: beam search can't be streamed; numBeams must be 1, got ${session.settings.numBeams}`,
    );
  return sample(session);
}

/**
 * Continues a text, piece by piece. End tokens are not part of the text; `eosTokenId` defaults to that of the tokenizer.
 *
 * Throws a {@link GenerationError} at once when the prompt is empty or an option is out of range.
 *
 * @example
 * for await (const piece of streamText(model, tokenizer, 'ROMEO:', { maxNewTokens: 200 })) process.stdout.write(piece);
 */
export function streamText(
  model: LanguageModel,
  tokenizer: GenerationTokenizer,
  prompt: string,
  options: StreamTextOptions = {},
): AsyncGenerator<string, void> {
  return textsOf(streamTexts(model, tokenizer, [prompt], options));
}

/** Continues several texts at once, piece by piece, as {@link streamText} does one. */
export function streamTexts(
  model: LanguageModel,
  tokenizer: GenerationTokenizer,
  prompts: readonly string[],
  { by = 'token', ...options }: StreamTextOptions = {},
): AsyncGenerator<TextPiece, void> {
  const ids = prompts.map((prompt) => tokenizer.encode(prompt).ids);
  const tokens = streamTokens(model, ids, withTokenizer(options, { model, tokenizer }));
  return piecesOf(tokens, { tokenizer, by });
}

async function* piecesOf(
  tokens: AsyncIterable<GeneratedToken>,
  { tokenizer, by }: { tokenizer: GenerationTokenizer; by: 'token' | 'word' },
): AsyncGenerator<TextPiece, void> {
  const decoders = new Map<number, TextDecoder>();
  for await (const { row, id, stopReason } of tokens) {
    const decoder = decoders.get(row) ?? newDecoder(tokenizer, by);
    decoders.set(row, decoder);
    const text = (stopReason === 'end-token' ? '' : decoder.push(id)) + (stopReason ? decoder.end() : '');
    if (stopReason) decoders.delete(row);
    if (text !== '') yield { row, text };
  }
  for (const [row, decoder] of decoders) {
    const text = decoder.end(); // what an abort left
    if (text !== '') yield { row, text };
  }
}

function newDecoder(tokenizer: GenerationTokenizer, by: 'token' | 'word'): TextDecoder {
  const decoder = tokenizer.decodeStream({ skipSpecialTokens: true });
  return by === 'word' ? wordBuffer(decoder) : decoder;
}

async function* textsOf(pieces: AsyncIterable<TextPiece>): AsyncGenerator<string, void> {
  for await (const { text } of pieces) yield text;
}

function withTokenizer(
  options: GenerateOptions,
  { model, tokenizer }: { model: LanguageModel; tokenizer: GenerationTokenizer },
): GenerateOptions {
  const eosTokenId =
    options.eosTokenId ??
    options.generationConfig?.eosTokenId ??
    modelDefaults(model).eosTokenId ??
    tokenizer.eosTokenId;
  return { tokenizer, ...options, eosTokenId };
}
