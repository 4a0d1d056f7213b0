import type { DecoderRow } from './decoder.ts';
import { demand, GenerationError } from './errors.ts';
import type { GenerationConfig } from './generation-config.ts';
import { modelDefaults } from './model-defaults.ts';
import { isEncoderDecoder, type LanguageModel } from './model.ts';
import { checkOptionNames } from './option-names.ts';
import type { GenerateOptions } from './options.ts';
import { asList } from './processors/logits-processor.ts';

interface Defaults {
  readonly doSample: boolean;
  readonly topK: number;
  readonly numBeams: number;
  readonly numReturnSequences: number;
  readonly lengthPenalty: number;
  readonly earlyStopping: boolean | 'never';
  readonly useCache: boolean;
  readonly slide: boolean | number;
}

const DEFAULTS: Defaults = {
  doSample: false,
  topK: 50,
  numBeams: 1,
  numReturnSequences: 1,
  lengthPenalty: 1,
  earlyStopping: false,
  useCache: true,
  slide: true,
};

/** The options of a call with all defaults filled in; what may be one or several, as a list. */
export interface Settings
  extends Defaults, Omit<GenerateOptions, keyof Defaults | 'seed' | 'eosTokenId' | 'stopStrings'> {
  readonly seed: number;
  readonly eosTokenIds: readonly number[];
  readonly stopStrings: readonly string[];
}

/** Options that only sampling looks at: who gives one wants sampling. */
const SAMPLING = [
  'temperature',
  'topK',
  'topP',
  'minP',
  'topH',
  'typicalP',
  'epsilonCutoff',
  'etaCutoff',
] as const satisfies (keyof GenerationConfig)[];

/** Merges the options of a call with its defaults, and checks those that no processor checks. */
export function readSettings(
  options: GenerateOptions,
  { model, where }: { model: LanguageModel; where: string },
): Settings {
  checkOptionNames(options, where);
  const given = withoutUndefined(options);
  const wantsSampling = SAMPLING.some((name) => given[name] !== undefined);
  const merged = {
    ...DEFAULTS,
    seed: crypto.getRandomValues(new Uint32Array(1))[0] as number,
    ...withoutUndefined(modelDefaults(model)),
    ...withoutUndefined(options.generationConfig ?? {}),
    ...(wantsSampling && { doSample: true }),
    ...given,
  };
  const { eosTokenId = [], stopStrings = [], numBeams, numReturnSequences, doSample } = merged;
  for (const name of ['maxNewTokens', 'maxLength', 'numBeams', 'numReturnSequences'] as const) {
    const value = merged[name];
    demand(value === undefined || isCount(value), { where, name, wanted: 'a whole number above 0', got: value });
  }
  const { topK, maxTime, seed, forcedBosTokenId, forcedEosTokenId = [] } = merged;
  demand(Number.isInteger(topK) && topK >= 0, {
    where,
    name: 'topK',
    wanted: 'a whole number above 0, or 0 for all',
    got: topK,
  });
  demand(maxTime === undefined || maxTime > 0, { where, name: 'maxTime', wanted: 'above 0 seconds', got: maxTime });
  demand(Number.isSafeInteger(seed), { where, name: 'seed', wanted: 'a whole number', got: seed });
  const { vocabSize, contextLength } = model.config;
  if (isEncoderDecoder(model)) merged.slide = false; // positions of a decoder count from its start token
  const isSlide = typeof merged.slide === 'boolean' || (isCount(merged.slide) && merged.slide <= contextLength);
  demand(isSlide, {
    where,
    name: 'slide',
    wanted: `a boolean or a number from 1 to ${contextLength}`,
    got: merged.slide,
  });
  for (const id of [...(forcedBosTokenId === undefined ? [] : [forcedBosTokenId]), ...asList(forcedEosTokenId)]) {
    demand(id >= 0 && id < vocabSize, {
      where,
      name: 'a forced token',
      wanted: `in the vocabulary of ${vocabSize} tokens`,
      got: id,
    });
  }
  const most = numBeams > 1 ? numBeams : doSample ? Infinity : 1;
  const wanted = numBeams > 1 ? `at most numBeams (${numBeams})` : '1 without sampling or beams';
  demand(numReturnSequences <= most, { where, name: 'numReturnSequences', wanted, got: numReturnSequences });
  const strings = typeof stopStrings === 'string' ? [stopStrings] : stopStrings;
  demand(
    strings.every((text) => text !== ''),
    { where, name: 'stopStrings', wanted: 'not empty', got: strings },
  );
  if (strings.length > 0 && !merged.tokenizer) {
    throw new GenerationError(`${where}: stopStrings need a tokenizer among the options`);
  }
  return { ...merged, eosTokenIds: [...asList(eosTokenId)], stopStrings: strings };
}

/** How many new tokens a prompt may get at most. */
export function newTokenLimit(
  prompt: DecoderRow,
  { settings, model, where }: { settings: Settings; model: LanguageModel; where: string },
): number {
  const { maxNewTokens, maxLength, slide } = settings;
  const { contextLength } = model.config;
  const length = prompt.ids.length - prompt.padding;
  // The last new token is never fed, so there is room for one more than the context holds.
  const room = slide !== false ? Infinity : contextLength - length + 1;
  if (room < 1) {
    throw new GenerationError(`${where}: the prompt has ${length} tokens, the context length is ${contextLength}`);
  }
  if (maxNewTokens === undefined && maxLength === undefined) return Math.min(20, room);
  const limit = maxNewTokens ?? (maxLength as number) - prompt.ids.length;
  const wanted = `above the ${prompt.ids.length} tokens of the prompt`;
  demand(limit >= 1, { where, name: 'maxLength', wanted, got: maxLength });
  if (limit > room) {
    const tokens = `${length} tokens of prompt and ${limit} new ones`;
    throw new GenerationError(
      `${where}: ${tokens} don't fit the context length ${contextLength}; ask for less or let it slide`,
    );
  }
  return limit;
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}
