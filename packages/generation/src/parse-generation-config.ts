import * as v from 'valibot';

import { GenerationError } from './errors.ts';
import type { GenerationConfig } from './generation-config.ts';

/**
 * Reads the object that a `generation_config.json` of Hugging Face holds. Settings that only tell how to run, not what comes out, are skipped.
 *
 * Throws a {@link GenerationError} for values of a wrong type, and for ways of generating that don't exist here.
 *
 * @example
 * const generationConfig = parseGenerationConfig(JSON.parse(text));
 */
export function parseGenerationConfig(json: unknown): GenerationConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new GenerationError('generation_config.json: expected an object');
  }
  const given = Object.entries(json).filter(([, value]) => value !== null);
  for (const [name, value] of given) {
    const neutral = UNSUPPORTED.get(name);
    if (neutral && !neutral.includes(value)) {
      throw new GenerationError(`generation_config.json: ${name} is not supported, got ${JSON.stringify(value)}`);
    }
  }
  const { success, output, issues } = v.safeParse(schema, camelCaseKeys(Object.fromEntries(given)));
  if (success) return output;
  const [{ path, message }] = issues;
  const name = path?.map(({ key }) => snakeCase(String(key))).join('.');
  throw new GenerationError(`generation_config.json: ${name ?? 'value'}: ${message}`);
}

/** Changes what comes out; with the values that don't. */
const UNSUPPORTED: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ['penalty_alpha', [0]],
  ['num_beam_groups', [1]],
  ['diversity_penalty', [0]],
  ['dola_layers', []],
  ['token_healing', [false]],
  ['force_words_ids', []],
  ['constraints', []],
]);

const integer = v.pipe(v.number(), v.integer());
const tokens = v.array(integer);
const oneOrMoreTokens = v.union([integer, tokens]);

const schema: v.GenericSchema<unknown, GenerationConfig> = v.partial(
  v.object({
    maxNewTokens: integer,
    maxLength: integer,
    minNewTokens: integer,
    minLength: integer,
    maxTime: v.number(),
    stopStrings: v.union([v.string(), v.array(v.string())]),
    doSample: v.boolean(),
    temperature: v.number(),
    topK: integer,
    topP: v.number(),
    minP: v.number(),
    topH: v.number(),
    typicalP: v.number(),
    epsilonCutoff: v.number(),
    etaCutoff: v.number(),
    numAssistantTokens: integer,
    assistantConfidenceThreshold: v.number(),
    promptLookupNumTokens: integer,
    maxMatchingNgramSize: integer,
    guidanceScale: v.number(),
    repetitionPenalty: v.number(),
    encoderRepetitionPenalty: v.number(),
    noRepeatNgramSize: integer,
    encoderNoRepeatNgramSize: integer,
    badWordsIds: v.array(tokens),
    sequenceBias: v.array(v.tuple([tokens, v.number()])),
    suppressTokens: tokens,
    beginSuppressTokens: tokens,
    forcedBosTokenId: integer,
    forcedEosTokenId: oneOrMoreTokens,
    exponentialDecayLengthPenalty: v.tuple([v.number(), v.number()]),
    removeInvalidValues: v.boolean(),
    renormalizeLogits: v.boolean(),
    watermarkingConfig: v.pipe(
      v.record(v.string(), v.unknown()),
      v.transform(camelCaseKeys),
      v.partial(
        v.strictObject({
          greenlistRatio: v.number(),
          bias: v.number(),
          hashingKey: integer,
          seedingScheme: v.picklist(['lefthash', 'selfhash']),
          contextWidth: integer,
        }),
      ),
    ),
    numBeams: integer,
    numReturnSequences: integer,
    lengthPenalty: v.number(),
    earlyStopping: v.union([v.boolean(), v.literal('never')]),
    useCache: v.boolean(),
    eosTokenId: oneOrMoreTokens,
    padTokenId: integer,
    bosTokenId: integer,
    decoderStartTokenId: integer,
  }),
);

function camelCaseKeys(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [camelCase(key), value]));
}

function camelCase(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
