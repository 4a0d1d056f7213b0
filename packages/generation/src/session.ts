import { RandomStream } from '@formers/backend';

import { createProcessors } from './create-processors.ts';
import { Decoder, type DecoderRow } from './decoder.ts';
import { GenerationError } from './errors.ts';
import type { CausalLanguageModel } from './model.ts';
import type { GenerateOptions } from './options.ts';
import type { LogitsProcessor } from './processors/logits-processor.ts';
import { type Prompts, readPrompts } from './prompts.ts';
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
  /** The reason to stop after the last of `ids`, if there is one. */
  readonly stopReason: (ids: readonly number[], row: SessionRow) => StopReason | undefined;
}

/** Checks a call, before any work, and prepares it. With sampling there is a row for each of the `numReturnSequences` of a prompt. */
export function openSession(
  model: CausalLanguageModel,
  prompts: Prompts,
  { options, where }: { options: GenerateOptions; where: string },
): Session {
  const settings = readSettings(options, { model, where });
  const { maxTime = Infinity, numBeams, numReturnSequences, encoderInputIds, cache, useCache } = settings;
  const parsed = readPrompts(prompts, { model, attentionMask: settings.attentionMask, where });
  if (encoderInputIds && encoderInputIds.length !== parsed.length) {
    throw new GenerationError(
      `${where}: encoderInputIds must have a row for each of ${parsed.length} prompts, got ${encoderInputIds.length}`,
    );
  }
  const { vocabSize } = model.config;
  const copies = numBeams > 1 ? 1 : numReturnSequences;
  const rows = parsed
    .flatMap((prompt, index) => Array.from({ length: copies }, () => ({ prompt, index })))
    .map(({ prompt, index }, row) => {
      const limit = newTokenLimit(prompt, { settings, model, where });
      return {
        prompt,
        processors: createProcessors(settings, { prompt, index, limit, vocabSize }),
        random: new RandomStream(settings.seed, `sampling/${row}`),
        maxLength: prompt.ids.length + limit,
      };
    });
  const deadline = performance.now() + maxTime * 1000;
  return {
    settings,
    rows,
    decoder: new Decoder(model, { cache: useCache ? cache : undefined, useCache, drop: dropOf(settings, model) }),
    stopReason: (ids, { maxLength }) => stopReason(ids, { settings, maxLength, deadline }),
  };
}

/** How many tokens go at once when the context is full. */
function dropOf({ slide }: Settings, { config: { contextLength } }: CausalLanguageModel): number {
  return typeof slide === 'number' ? slide : Math.max(1, Math.floor(contextLength / 2));
}
