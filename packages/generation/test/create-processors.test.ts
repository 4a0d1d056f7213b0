import { describe, expect, it } from 'vitest';

import { createProcessors } from '../src/create-processors.ts';
import { type GenerateOptions, watermarkLogitsProcessor } from '../src/index.ts';
import { readSettings } from '../src/settings.ts';
import { hashModel } from './support/toy-models.ts';

const run = (options: GenerateOptions, logits: number[], ids = [0, 1], promptLength = 2): number[] => {
  const settings = readSettings(options, { model: hashModel(), where: 'test' });
  const prompt = { ids: ids.slice(0, promptLength), padding: 0 };
  const row = Float64Array.from(logits);
  for (const process of createProcessors(settings, { prompt, index: 0, limit: 5, vocabSize: logits.length }))
    process(ids, row);
  return [...row];
};

describe('createProcessors', () => {
  it.each<[GenerateOptions, number[]]>([
    [{ topH: 0.01 }, [3, -Infinity, -Infinity, -Infinity]],
    [{ topK: 2 }, [3, 2, -Infinity, -Infinity]],
    [{ topP: 0.8 }, [3, 2, -Infinity, -Infinity]],
    [{ minP: 0.5 }, [3, -Infinity, -Infinity, -Infinity]],
    [{ typicalP: 0.1 }, [-Infinity, 2, -Infinity, -Infinity]],
    [{ epsilonCutoff: 0.1 }, [3, 2, -Infinity, -Infinity]],
    [{ etaCutoff: 0.9 }, [3, -Infinity, -Infinity, -Infinity]],
    [{ temperature: 0.5 }, [6, 4, 2, 0]],
    [{ noRepeatNgramSize: 1 }, [-Infinity, -Infinity, 1, 0]],
    [{ badWordsIds: [[1, 3]] }, [3, 2, 1, -Infinity]],
    [{ prefixAllowedTokens: (prompt, ids) => [prompt, ...ids.slice(1), 3] }, [3, 2, -Infinity, 0]],
  ])('takes %j', (options, wanted) => {
    expect(run(options, [3, 2, 1, 0])).toEqual(wanted);
  });

  it('marks with the size of the vocabulary', () => {
    const wanted = Float64Array.of(3, 2, 1, 0);
    watermarkLogitsProcessor({ vocabSize: 4, greenlistRatio: 0.5 })([0, 1], wanted);
    expect(wanted).not.toEqual(Float64Array.of(3, 2, 1, 0));
    expect(run({ watermarkingConfig: { greenlistRatio: 0.5 } }, [3, 2, 1, 0])).toEqual([...wanted]);
  });

  it('makes invalid logits finite if asked', () => {
    expect(run({ removeInvalidValues: true }, [NaN, 1])).toEqual([0, 1]);
  });

  it('makes nothing of the defaults', () => {
    const settings = readSettings({}, { model: hashModel(), where: 'test' });
    expect(createProcessors(settings, { prompt: { ids: [1], padding: 0 }, index: 0, limit: 5, vocabSize: 9 })).toEqual(
      [],
    );
  });

  it('samples from the 50 likeliest by default', () => {
    const logits = Array.from({ length: 60 }, (_, id) => id);
    expect(run({ doSample: true }, logits).filter((logit) => logit === -Infinity)).toHaveLength(10);
    expect(run({ topK: 0 }, logits)).toEqual(logits);
    expect(run({}, logits)).toEqual(logits);
  });

  it('adds the bias before the penalty', () => {
    expect(run({ sequenceBias: [[[1], 3]], repetitionPenalty: 2 }, [4, 1, 0])).toEqual([2, 2, 0]);
  });

  it('forces after it bans, and suppresses last', () => {
    expect(run({ badWordsIds: [[2]], forcedEosTokenId: 2, maxNewTokens: 5 }, [5, 4, 3], [0, 1, 0, 0, 0, 0])).toEqual([
      -Infinity,
      -Infinity,
      0,
    ]);
    expect(run({ forcedEosTokenId: [1, 2], suppressTokens: [2] }, [5, 4, 3], [0, 1, 0, 0, 0, 0])).toEqual([
      -Infinity,
      0,
      -Infinity,
    ]);
  });

  it('applies the temperature before topP', () => {
    // At temperature 1 the first token has 0.88 alone; at 4 it takes both.
    expect(run({ topP: 0.8 }, [2, 0])).toEqual([2, -Infinity]);
    expect(run({ topP: 0.8, temperature: 4 }, [2, 0])).toEqual([0.5, 0]);
  });

  it('keeps enough tokens for beams to go on', () => {
    expect(run({ topK: 1, numBeams: 2, eosTokenId: [0, 1] }, [4, 3, 2, 1])).toEqual([4, 3, 2, -Infinity]);
    expect(run({ topK: 1, numBeams: 2 }, [4, 3, 2, 1])).toEqual([4, 3, -Infinity, -Infinity]);
  });

  it('suppresses at the first new token only, or after a forced one', () => {
    expect(run({ beginSuppressTokens: [0] }, [1, 0])).toEqual([-Infinity, 0]);
    expect(run({ beginSuppressTokens: [0] }, [1, 0], [0, 1, 1])).toEqual([1, 0]);
    const forced = { beginSuppressTokens: [0], forcedBosTokenId: 0 };
    expect(run(forced, [1, 0], [5], 1)).toEqual([0, -Infinity]);
    expect(run(forced, [1, 0], [5, 0], 1)).toEqual([-Infinity, 0]);
    expect(run(forced, [1, 0], [5, 5], 2)).toEqual([-Infinity, 0]);
  });

  it('counts new tokens from the end of the prompt', () => {
    const options: GenerateOptions = { exponentialDecayLengthPenalty: [1, 3], eosTokenId: 0 };
    expect(run(options, [1, 0], [0, 1, 1])).toEqual([1, 0]);
    expect(run(options, [1, 0], [0, 1, 1, 1])).toEqual([3, 0]);
    expect(run({ minNewTokens: 1, eosTokenId: 0 }, [1, 0])).toEqual([-Infinity, 0]);
    expect(run({ minNewTokens: 1, eosTokenId: 0 }, [1, 0], [0, 1, 1])).toEqual([1, 0]);
    expect(run({ minLength: 3, eosTokenId: 0 }, [1, 0])).toEqual([-Infinity, 0]);
    expect(run({ minLength: 2, eosTokenId: 0 }, [1, 0])).toEqual([1, 0]);
    expect(run({ minLength: 9, minNewTokens: 1, eosTokenId: 0 }, [1, 0], [0, 1, 1])).toEqual([1, 0]); // the number of new ones counts alone
  });

  it('looks at the encoder where there is one', () => {
    const options = { encoderRepetitionPenalty: 2, encoderNoRepeatNgramSize: 2 };
    expect(run(options, [1, 1, 1])).toEqual([1, 1, 1]);
    expect(run({ ...options, encoderInputIds: [[1, 0]] }, [1, 1, 1])).toEqual([-Infinity, 2, 1]);
  });

  it('normalises last', () => {
    const found = run({ renormalizeLogits: true, suppressTokens: [0] }, [1, 0, 0]);
    expect(found[0]).toBe(-Infinity);
    expect(found[1]).toBeCloseTo(Math.log(0.5), 12);
  });
});
