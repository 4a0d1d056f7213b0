import { describe, expect, it } from 'vitest';

import * as generation from '../src/index.ts';
import type { LogitsProcessor } from '../src/index.ts';
import { cases, inputs, outputs, type ProcessorCase } from './support/processor-goldens.ts';

/** Processors have the names of Hugging Face with a small first letter, and their parameters in camelCase. */
function create({ class: name, parameters }: ProcessorCase['steps'][number], row: number): LogitsProcessor {
  const options = Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [
      key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value === 'encoder_input_ids' ? inputs.get(value)![row] : value,
    ]),
  );
  const allowed = options['allowedTokensByLastToken'] as Record<string, number[]> | undefined;
  if (allowed) options['prefixAllowedTokens'] = (_prompt: number, ids: readonly number[]) => allowed[ids.at(-1)!];
  const factory = new Map<string, unknown>(Object.entries(generation)).get(name[0]!.toLowerCase() + name.slice(1));
  return (factory as (options: object) => LogitsProcessor)(options);
}

describe('processors agree with Hugging Face', () => {
  it('has all cases of the fixture', () => {
    expect(cases).toHaveLength(78);
  });

  it.each(cases)('$name', ({ name, steps, scores, input_ids: idsName }) => {
    const wanted = outputs.get(name)!;
    expect(wanted.length).toBeGreaterThan(0);
    for (const [row, start] of inputs.get(scores)!.entries()) {
      const logits = Float64Array.from(start);
      for (const step of steps) create(step, row)(inputs.get(idsName)![row]!, logits);
      for (const [id, value] of wanted[row]!.entries()) expectClose(logits[id]!, value);
    }
  });
});

function expectClose(found: number, wanted: number): void {
  const isClose = found === wanted || Math.abs(found - wanted) <= 1e-6 + 1e-5 * Math.abs(wanted); // infinite ones exactly
  expect(isClose ? '' : `${found} instead of ${wanted}`).toBe('');
}

const removed = (process: LogitsProcessor, logits: number[], ids: number[] = []): number[] => {
  const row = Float64Array.from(logits);
  process(ids, row);
  return [...row.keys()].filter((id) => row[id] === -Infinity);
};

describe('by hand', () => {
  it('keeps what reaches topP, and of equals the higher ids', () => {
    const log = [0.1, 0.4, 0.3, 0.2].map(Math.log);
    expect(removed(generation.topPLogitsWarper({ topP: 0.6 }), log)).toEqual([0, 3]);
    expect(removed(generation.topPLogitsWarper({ topP: 0.75 }), log)).toEqual([0]);
    expect(removed(generation.topPLogitsWarper({ topP: 0.6 }), [0, 0, 0, 0])).toEqual([0]);
    expect(removed(generation.topPLogitsWarper({ topP: 1 }), log)).toEqual([]);
    expect(removed(generation.topPLogitsWarper({ topP: 0 }), log)).toEqual([0, 2, 3]);
    expect(removed(generation.topPLogitsWarper({ topP: 0, minTokensToKeep: 2 }), log)).toEqual([0, 3]);
  });

  it('rules out bad words where no end token is told', () => {
    const badWordsIds = [[1], [4, 2]];
    for (const eosTokenId of [null, undefined]) {
      expect(removed(generation.noBadWordsLogitsProcessor({ badWordsIds, eosTokenId }), [1, 2, 3], [4])).toEqual([
        1, 2,
      ]);
    }
    expect(removed(generation.noBadWordsLogitsProcessor({ badWordsIds, eosTokenId: 1 }), [1, 2, 3], [4])).toEqual([2]);
  });

  it('keeps ties of the last of topK', () => {
    expect(removed(generation.topKLogitsWarper({ topK: 2 }), [1, 5, 3, 3, 2])).toEqual([0, 4]);
    expect(removed(generation.topKLogitsWarper({ topK: 9 }), [1, 5])).toEqual([]);
  });

  it('starts the decay right after its first token', () => {
    const decay = generation.exponentialDecayLengthPenalty({
      exponentialDecayLengthPenalty: [1, 2],
      eosTokenId: 0,
      inputIdsSeqLength: 2,
    });
    for (const [length, wanted] of [
      [3, -1],
      [4, 0],
      [5, 2],
    ] as const) {
      const logits = Float64Array.of(-1, 4);
      decay(new Array<number>(length).fill(1), logits);
      expect([...logits]).toEqual([wanted, 4]);
    }
  });

  it('rules nothing out before an n-gram can be complete', () => {
    const bigrams = generation.noRepeatNGramLogitsProcessor({ ngramSize: 2 });
    expect(removed(bigrams, [0, 0, 0, 0], [1])).toEqual([]);
    expect(removed(bigrams, [0, 0, 0, 0], [1, 2, 1])).toEqual([2]);
    expect(removed(bigrams, [0, 0, 0, 0], [1, 1])).toEqual([1]);
  });

  it('lets the constraint win over what was ruled out, except among beams', () => {
    const prefixAllowedTokens = (): number[] => [1, 2];
    const only = Float64Array.of(3, -Infinity, -Infinity, 0);
    generation.prefixConstrainedLogitsProcessor({ prefixAllowedTokens })([], only);
    expect([...only]).toEqual([-Infinity, 0, 0, -Infinity]);
    const beam = generation.prefixConstrainedLogitsProcessor({ prefixAllowedTokens, numBeams: 2 });
    expect(removed(beam, [3, -Infinity, -Infinity, 0])).toEqual([0, 1, 2, 3]);
  });

  it('ignores ids outside of the vocabulary', () => {
    expect(removed(generation.suppressTokensLogitsProcessor({ suppressTokens: [-1, 1, 7] }), [0, 0, 0])).toEqual([1]);
    expect(removed(generation.repetitionPenaltyLogitsProcessor({ penalty: 2 }), [1, 1], [9])).toEqual([]);
  });

  it('keeps the likeliest token whatever topH is', () => {
    expect(removed(generation.topHLogitsWarper({ topH: 0.01 }), [0, 0.1, 0])).toEqual([0, 2]);
  });

  it('marks by the last tokens and the candidate with selfhash', () => {
    const marked = (ids: number[], contextWidth: number): number[] => {
      const logits = new Float64Array(60);
      generation.watermarkLogitsProcessor({ vocabSize: 60, seedingScheme: 'selfhash', contextWidth })(ids, logits);
      return [...logits];
    };
    expect(marked([3, 4], 1)).toEqual(marked([9, 8], 1));
    expect(marked([3, 4], 2)).toEqual(marked([9, 4], 2));
    expect(marked([3, 4], 3)).toEqual(new Array<number>(60).fill(0)); // not enough tokens yet
  });

  it('marks a share of the candidates with selfhash', () => {
    const mark = generation.watermarkLogitsProcessor({
      vocabSize: 60,
      bias: 1,
      seedingScheme: 'selfhash',
      greenlistRatio: 0.5,
    });
    const logits = new Float64Array(60);
    mark([3, 4], logits);
    const marked = logits.reduce((sum, logit) => sum + logit, 0);
    expect(marked).toBeGreaterThan(5); // about half of the 40 candidates
    expect(marked).toBeLessThan(35);
    expect([...logits.subarray(40)].every((logit) => logit === 0)).toBe(true);
  });
});

describe('refuses', () => {
  it.each<[string, () => LogitsProcessor]>([
    ['temperature must be above 0, got 0', () => generation.temperatureLogitsWarper({ temperature: 0 })],
    ['temperature must be above 0, got NaN', () => generation.temperatureLogitsWarper({ temperature: NaN })],
    ['topP must be between 0 and 1, got 1.5', () => generation.topPLogitsWarper({ topP: 1.5 })],
    ['topP must be between 0 and 1, got -0.1', () => generation.topPLogitsWarper({ topP: -0.1 })],
    ['topK must be a whole number above 0, got 2.5', () => generation.topKLogitsWarper({ topK: 2.5 })],
    ['topH must be above 0 and at most 1, got 0', () => generation.topHLogitsWarper({ topH: 0 })],
    ['minP must be between 0 and 1, got -0.1', () => generation.minPLogitsWarper({ minP: -0.1 })],
    ['mass must be above 0 and below 1, got 1', () => generation.typicalLogitsWarper({ mass: 1 })],
    ['epsilon must be above 0 and below 1, got 2', () => generation.epsilonLogitsWarper({ epsilon: 2 })],
    ['epsilon must be above 0 and below 1, got 0', () => generation.etaLogitsWarper({ epsilon: 0 })],
    [
      'minTokensToKeep must be a whole number above 0, got 0',
      () => generation.topKLogitsWarper({ topK: 1, minTokensToKeep: 0 }),
    ],
    ['penalty must be above 0, got -1', () => generation.repetitionPenaltyLogitsProcessor({ penalty: -1 })],
    [
      'ngramSize must be a whole number above 0, got 0',
      () => generation.noRepeatNGramLogitsProcessor({ ngramSize: 0 }),
    ],
    [
      'badWordsIds must be a list of lists of tokens',
      () => generation.noBadWordsLogitsProcessor({ badWordsIds: [[]] }),
    ],
    [
      'sequenceBias must be a list of [tokens, bias]',
      () => generation.sequenceBiasLogitsProcessor({ sequenceBias: [] }),
    ],
    [
      'greenlistRatio must be above 0 and below 1, got 1',
      () => generation.watermarkLogitsProcessor({ vocabSize: 9, greenlistRatio: 1 }),
    ],
  ])('%s', (message, make) => {
    expect(make).toThrow(message);
    expect(make).toThrow(generation.GenerationError);
  });
});
