import { RandomStream } from '@formers/backend';

import { createProcessors } from './create-processors.ts';
import { Decoder, type DecoderRow } from './decoder.ts';
import { AssistantDrafts, type Drafts, LookupDrafts } from './drafts.ts';
import { GenerationError } from './errors.ts';
import { GuidedDecoder } from './guided-decoder.ts';
import { EncodedModel } from './encoded-model.ts';
import { type EncoderDecoderLanguageModel, isEncoderDecoder, type LanguageModel } from './model.ts';
import type { GenerateOptions } from './options.ts';
import type { LogitsProcessor } from './processors/logits-processor.ts';
import { type Prompts, readEncoderPrompts, readPrompts } from './prompts.ts';
import { newTokenLimit, readSettings, type Settings } from './settings.ts';
import { type StopReason, stopReason } from './stop-reason.ts';

/** One result to be: a prompt, and what its tokens go through. */
export interface SessionRow {
  readonly prompt: DecoderRow;
  readonly processors: readonly LogitsProcessor[];
  /** Its own random numbers, so that rows of a batch don't depend on each other. */
  readonly random: RandomStream;
  /** The most tokens, prompt included. */
  readonly maxLength: number;
}

/** A checked call: all that decoding needs. */
export interface Session {
  readonly settings: Settings;
  readonly rows: readonly SessionRow[];
  readonly decoder: Decoder;
  /** Guesses that the model checks several at a time; undefined where tokens come one by one. */
  readonly drafts: Drafts | undefined;
  /** The reason to stop after the last of `ids`, if there is one. */
  readonly stopReason: (ids: readonly number[], row: SessionRow) => StopReason | undefined;
}

/** Checks a call, before any work, and prepares it. With sampling there is a row for each of the `numReturnSequences` of a prompt. */
export function openSession(
  model: LanguageModel,
  prompts: Prompts,
  { options, where }: { options: GenerateOptions; where: string },
): Session {
  const settings = readSettings(options, { model, where });
  const { maxTime = Infinity, numBeams, numReturnSequences, attentionMask } = settings;
  const encoder = isEncoderDecoder(model) ? readEncoderPrompts(prompts, { model, attentionMask, where }) : undefined;
  const encoderPrompts = encoder?.tokens;
  const parsed = encoder
    ? readPrompts(
        decoderPrompts(model as EncoderDecoderLanguageModel, { settings, count: encoder.tokens.length, where }),
        { model, where },
      )
    : readPrompts(prompts, { model, attentionMask, where });
  const encoderInputIds = settings.encoderInputIds ?? encoder?.given;
  const count = (encoderPrompts ?? parsed).length;
  for (const [name, rows] of Object.entries({ encoderInputIds, decoderInputIds: encoder && parsed }))
    if (rows && rows.length !== count)
      throw new GenerationError(`${where}: ${name} must have a row for each of ${count} prompts, got ${rows.length}`);
  const { vocabSize } = model.config;
  const copies = numBeams > 1 ? 1 : numReturnSequences;
  const rows = parsed
    .flatMap((prompt, index) => Array.from({ length: copies }, () => ({ prompt, index })))
    .map(({ prompt, index }, row) => {
      const limit = newTokenLimit(prompt, { settings, model, where });
      return {
        prompt: { ...prompt, source: index },
        processors: createProcessors({ ...settings, encoderInputIds }, { prompt, index, limit, vocabSize }),
        random: new RandomStream(settings.seed, `sampling/${row}`),
        maxLength: prompt.ids.length + limit,
      };
    });
  const drafts = createDrafts(settings, { model, encoderPrompts, numRows: rows.length, where });
  const deadline = performance.now() + maxTime * 1000;
  if (encoderPrompts) settings.cache?.lookAt(JSON.stringify(encoderPrompts));
  return {
    settings,
    rows,
    drafts,
    decoder: createDecoder(settings, { model, encoderPrompts, prompts: parsed, where }),
    stopReason: (ids, { maxLength }) => stopReason(ids, { settings, maxLength, deadline }),
  };
}

/** How many tokens go at once when the context is full. */
function dropOf({ slide }: Settings, { config: { contextLength } }: LanguageModel): number {
  return typeof slide === 'number' ? slide : Math.max(1, Math.floor(contextLength / 2));
}

/** How the text of each prompt begins: as the caller says, else with the start token. */
function decoderPrompts(
  { config }: EncoderDecoderLanguageModel,
  { settings, count, where }: { settings: Settings; count: number; where: string },
): Prompts {
  const { decoderInputIds } = settings;
  const start = settings.decoderStartTokenId ?? config.decoderStartTokenId ?? settings.bosTokenId;
  if (decoderInputIds) {
    const isBare = start !== undefined && decoderInputIds.every(([first]) => first !== start); // as Hugging Face sees it
    return isBare ? decoderInputIds.map((ids) => [start, ...ids]) : decoderInputIds;
  }
  if (start === undefined)
    throw new GenerationError(`${where}: decoderStartTokenId must be given, the model's config has none`);
  return Array.from({ length: count }, () => [start]);
}

/** Who drafts tokens, if somebody does. */
function createDrafts(
  settings: Settings,
  {
    model,
    encoderPrompts,
    numRows,
    where,
  }: {
    model: LanguageModel;
    encoderPrompts: readonly (readonly number[])[] | undefined;
    numRows: number;
    where: string;
  },
): Drafts | undefined {
  const { assistant, promptLookupNumTokens = 0, numBeams, useCache } = settings;
  if (!assistant && promptLookupNumTokens === 0) return undefined;
  const name = assistant ? 'assistant' : 'promptLookupNumTokens';
  const refuse = (wanted: string): never => {
    throw new GenerationError(`${where}: ${name} ${wanted}`);
  };
  if (numRows !== 1 || numBeams > 1)
    return refuse(`needs one prompt and one result without beams, got ${numRows} rows and ${numBeams} beams`);
  if (!useCache) return refuse('needs useCache');
  if (!assistant) return new LookupDrafts({ ...settings, promptLookupNumTokens });
  if (assistant.config.vocabSize !== model.config.vocabSize)
    return refuse(
      `must have the model's vocabulary of ${model.config.vocabSize} tokens, got ${assistant.config.vocabSize}`,
    );
  if (isEncoderDecoder(assistant) !== isEncoderDecoder(model))
    return refuse('must be a decoder for a decoder, an encoder-decoder for an encoder-decoder');
  return new AssistantDrafts(assistant, { ...settings, encoderPrompt: encoderPrompts?.[0] });
}

/** What gives the logits: the model, or, with guidance, the model twice. */
function createDecoder(
  settings: Settings,
  {
    model,
    encoderPrompts = [],
    prompts,
    where,
  }: {
    model: LanguageModel;
    encoderPrompts?: readonly (readonly number[])[] | undefined;
    prompts: readonly DecoderRow[];
    where: string;
  },
): Decoder {
  const {
    cache,
    useCache,
    guidanceScale = 1,
    negativePromptIds,
    numBeams,
    assistant,
    promptLookupNumTokens = 0,
  } = settings;
  const options = { cache: useCache ? cache : undefined, useCache, drop: dropOf(settings, model) };
  if (guidanceScale === 1)
    return new Decoder(isEncoderDecoder(model) ? new EncodedModel(model, encoderPrompts) : model, options);
  if (isEncoderDecoder(model) || numBeams > 1 || assistant || promptLookupNumTokens > 0)
    throw new GenerationError(`${where}: guidanceScale needs a decoder without beams and drafts`);
  if (negativePromptIds && negativePromptIds.length !== prompts.length)
    throw new GenerationError(
      `${where}: negativePromptIds must have a row for each of ${prompts.length} prompts, got ${negativePromptIds.length}`,
    );
  const negative = negativePromptIds && readPrompts(negativePromptIds, { model, where });
  const contexts = prompts.map(({ ids }, i) => negative?.[i]?.ids ?? ids.slice(-1));
  const promptLengths = prompts.map(({ ids }) => ids.length);
  return new GuidedDecoder(model, { ...options, guidance: { scale: guidanceScale, contexts, promptLengths } });
}
