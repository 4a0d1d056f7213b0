import {
  type EncoderDecoderLanguageModel,
  generate,
  type GenerateOptions,
  streamTexts,
  type TextPiece,
} from '@formers/generation';

import { checkTexts } from '../inputs.ts';
import { type CallOptions, runBatches } from '../run-batches.ts';
import { encodeTexts } from '../text/encode-texts.ts';
import type { ReadingModel } from '../text/reading-model.ts';
import { encodedTokenizer } from '../writing/encoded-tokenizer.ts';
import { generateOptions } from '../writing/generate-options.ts';
import { seedOf, taskSettings, type WritingModel } from '../writing/generation-defaults.ts';
import { definePipeline, type TextParts, type TextPipeline } from './task.ts';

/** The tasks of encoder-decoders, and the key of their results. */
const RESULT_KEYS = {
  'text2text-generation': 'generated_text',
  translation: 'translation_text',
  summarization: 'summary_text',
} as const;

/** The tasks of encoder-decoders. */
export type Text2TextTask = keyof typeof RESULT_KEYS;

/** A text that was written: `{ generated_text }`, `{ translation_text }` or `{ summary_text }`. */
export type WrittenText<Task extends Text2TextTask> = { readonly [Key in (typeof RESULT_KEYS)[Task]]: string };

/** How texts are written: all options of `generate`, and these. */
export interface Text2TextOptions
  extends Omit<GenerateOptions, 'attentionMask' | 'encoderInputIds' | 'tokenizer'>, CallOptions {
  /** What stands before each text; default what the model's config.json wants for the task, as T5's `summarize: `. */
  readonly prefix?: string | undefined;
  /** Translation: the languages, as in `translation_en_to_de` of T5's config.json. */
  readonly srcLang?: string | undefined;
  readonly tgtLang?: string | undefined;
}

const OWN_OPTIONS = [
  'batchSize',
  'onProgress',
  'prefix',
  'srcLang',
  'tgtLang',
] as const satisfies (keyof Text2TextOptions)[];

/** A model that {@link text2textGeneration} takes. */
export type Text2TextModel = EncoderDecoderLanguageModel &
  WritingModel & { readonly config: Pick<ReadingModel['config'], 'padTokenId' | 'sourceVocabSize'> };

/** Writes a text for a text. */
export interface Text2TextPipeline<Task extends Text2TextTask> extends TextPipeline<Task, Text2TextModel> {
  /** `numReturnSequences` results for each text, one by default, one after another. */
  (texts: string | readonly string[], options?: Text2TextOptions): Promise<WrittenText<Task>[]>;
  /** What is written, word by word; ends early by `break` or the `signal`. */
  stream(text: string, options?: Text2TextStreamOptions): AsyncGenerator<string, void>;
}

/** How texts are streamed. */
export interface Text2TextStreamOptions extends Text2TextOptions {
  /** Whether a piece comes as soon as its characters are whole (`token`) or its words are (`word`, default). */
  readonly by?: 'token' | 'word' | undefined;
}

/**
 * A pipeline of an encoder-decoder, which reads a text and writes another one.
 *
 * @example
 * const translate = text2textGeneration('translation', { model, tokenizer });
 * const [{ translation_text }] = await translate('The whale is white.', { srcLang: 'en', tgtLang: 'de' });
 */
export function text2textGeneration<Task extends Text2TextTask>(
  task: Task,
  {
    model,
    tokenizer,
    paramsOf = task,
  }: TextParts<Text2TextModel> & {
    /** Whose `task_specific_params` of config.json hold; default the task's. */ paramsOf?: string;
  },
): Text2TextPipeline<Task> {
  const prepare = (texts: readonly string[], options: Text2TextOptions): Prepared => {
    const { srcLang, tgtLang } = options;
    const languages =
      srcLang !== undefined && tgtLang !== undefined ? `translation_${srcLang}_to_${tgtLang}` : paramsOf;
    const settings = taskSettings(model, { tokenizer, task: languages });
    const prefix = options.prefix ?? settings.prefix;
    const reader = { config: model.config } as ReadingModel; // encoding looks at the config alone
    const encodings = encodeTexts(
      texts.map((text) => prefix + text),
      { model: reader, tokenizer },
    );
    const generationConfig = { ...settings.generationConfig, ...options.generationConfig };
    const given = generateOptions(options, OWN_OPTIONS);
    return { ids: encodings.map(({ ids }) => ids), options: { tokenizer, ...given, generationConfig } };
  };

  const call = async (
    input: string | readonly string[],
    options: Text2TextOptions = {},
  ): Promise<Record<string, string>[]> => {
    const texts = checkTexts(input, { where: task, name: 'text' });
    const { ids, options: settings } = prepare(texts, options);
    const results = await runBatches(ids, options, async (batch, start) => {
      const { newTokens } = await generate(model, batch, { ...settings, seed: seedOf(options, start) });
      options.signal?.throwIfAborted();
      const copies = newTokens.length / batch.length;
      return batch.map((_, row) => newTokens.slice(row * copies, (row + 1) * copies));
    });
    return results
      .flat()
      .map((tokens) => ({ [RESULT_KEYS[task]]: tokenizer.decode(tokens, { skipSpecialTokens: true }) }));
  };

  async function* stream(
    input: string,
    { by = 'word', ...options }: Text2TextStreamOptions = {},
  ): AsyncGenerator<string, void> {
    const texts = checkTexts(input, { where: task, name: 'text' });
    const { ids, options: settings } = prepare(texts, options);
    const pieces: AsyncIterable<TextPiece> = streamTexts(model, encodedTokenizer(tokenizer, ids), Object.keys(ids), {
      ...settings,
      by,
    });
    for await (const { text } of pieces) yield text;
  }
  return Object.assign(definePipeline(call, { task, model, tokenizer }), {
    stream,
  }) as unknown as Text2TextPipeline<Task>;
}

interface Prepared {
  readonly ids: readonly Int32Array[];
  readonly options: GenerateOptions;
}
