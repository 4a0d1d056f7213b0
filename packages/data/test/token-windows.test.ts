import { ConfigError, cpu, useBackend, ValueError } from '@formers/backend';
import { memory } from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import {
  DataError,
  IGNORED_LABEL,
  type TokenBatch,
  type TokenBatches,
  type TokenBatchesOptions,
  TokenWindows,
} from '../src/index.ts';

const codeOf = (f: () => unknown): string | undefined => {
  try {
    f();
  } catch (error) {
    if (DataError.isInstance(error)) return error.code;
    throw error;
  }
  return undefined;
};
const counting = (length: number): Int32Array => Int32Array.from({ length }, (_, i) => i);
/** First ids of the windows of a batch of counting ids: the offsets. */
const offsetsOf = (batch: TokenBatch): number[] =>
  (batch.inputs.arraySync() as number[][]).map(([first]) => first as number);
const offsetsAt = (batches: TokenBatches, step: number): number[] => {
  using batch = batches.at(step);
  return offsetsOf(batch);
};

describe('TokenWindows', () => {
  let before = 0;
  beforeAll(async () => {
    await useBackend(cpu());
    before = memory().numTensors;
  });
  it('gives windows whose targets are the inputs one place further', () => {
    const batches = new TokenWindows(counting(20), { seqLen: 4 }).batches({ batchSize: 3, steps: 5, seed: 7 });
    for (const { inputs, targets, tokens } of batches) {
      expect(inputs.shape).toEqual([3, 4]);
      expect([inputs.dtype, targets.dtype]).toEqual(['int32', 'int32']);
      expect(targets.arraySync()).toEqual((inputs.arraySync() as number[][]).map((row) => row.map((id) => id + 1)));
      expect(inputs.arraySync()).toEqual(
        offsetsOf({ inputs } as TokenBatch).map((first) => [first, first + 1, first + 2, first + 3]),
      );
      expect(tokens).toBe(12);
    }
  });

  it('reaches every offset, the first and the last as often as the others', () => {
    const numTokens = 12;
    const batches = new TokenWindows(counting(numTokens), { seqLen: 4 }).batches({ batchSize: 40, steps: 100 });
    const counts = new Array<number>(numTokens).fill(0);
    for (const batch of batches) for (const offset of offsetsOf(batch)) counts[offset]! += 1;
    expect(counts.slice(8)).toEqual([0, 0, 0, 0]); // a window has 5 tokens
    const chiSquare = counts.slice(0, 8).reduce((sum, count) => sum + (count - 500) ** 2 / 500, 0);
    expect(chiSquare).toBeLessThan(24.3); // 7 degrees of freedom, p = 0.001
  });

  it.each(['random', 'epoch'] as const)('makes any batch by itself: %s', (sampling) => {
    const options: TokenBatchesOptions = { batchSize: 3, seed: 5, sampling };
    const windows = new TokenWindows(counting(50), { seqLen: 4 });
    const inOrder = [...Array(12).keys()].map((step) => offsetsAt(windows.batches(options), step));
    const jumping = windows.batches(options);
    for (const step of [11, 0, 5, 4, 9]) expect(offsetsAt(jumping, step)).toEqual(inOrder[step]);
    expect(offsetsAt(windows.batches({ ...options, seed: 6 }), 0)).not.toEqual(inOrder[0]);
    expect(new Set(inOrder.map(String)).size).toBe(12);
  });

  it('uses each window once per epoch, across the edges of batches, in another order each time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 6, max: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(),
        (numTokens, seqLen, batchSize, seed) => {
          const batches = new TokenWindows(counting(numTokens), { seqLen }).batches({
            batchSize,
            seed,
            sampling: 'epoch',
          });
          const perEpoch = Math.floor((numTokens - 1) / seqLen);
          const stream = [...Array(Math.ceil((3 * perEpoch) / batchSize)).keys()].flatMap((step) =>
            offsetsAt(batches, step),
          );
          const all = Array.from({ length: perEpoch }, (_, i) => i * seqLen);
          for (const epoch of [0, 1, 2]) {
            expect(stream.slice(epoch * perEpoch, (epoch + 1) * perEpoch).toSorted((a, b) => a - b)).toEqual(all);
          }
        },
      ),
      { numRuns: 40 },
    );
    const batches = new TokenWindows(counting(101), { seqLen: 1 }).batches({ batchSize: 100, sampling: 'epoch' });
    expect(offsetsAt(batches, 0)).not.toEqual(offsetsAt(batches, 1));
  });

  it('goes on from a saved state', async () => {
    const windows = new TokenWindows(counting(50), { seqLen: 4 });
    const options: TokenBatchesOptions = { batchSize: 2, steps: 6, seed: 3, sampling: 'epoch' };
    const whole = [...windows.batches(options)].length;
    expect(whole).toBe(6);

    const seen: string[] = [];
    const first = windows.batches(options);
    for await (const batch of first) {
      seen.push(`${batch.step}: ${offsetsOf(batch)}`);
      if (batch.step === 2) break;
    }
    const state: unknown = JSON.parse(JSON.stringify(first.state));
    for await (const batch of windows.batches({ ...options, state: state as typeof first.state }))
      seen.push(`${batch.step}: ${offsetsOf(batch)}`);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5].map((step) => `${step}: ${offsetsAt(windows.batches(options), step)}`));

    expect(() => windows.batches({ ...options, seed: 4, state: first.state })).toThrow('seed was 3, is 4');
    expect(codeOf(() => windows.batches({ ...options, state: { ...first.state, step: -1 } }))).toBe('state');
  });

  it('frees each batch when the next is asked for, at the end, on break and on a throw', async () => {
    const windows = new TokenWindows(counting(50), { seqLen: 4 });
    const seen: TokenBatch[] = [];
    for await (const batch of windows.batches({ batchSize: 2, steps: 3 })) {
      expect(seen.at(-1)?.inputs.isDisposed ?? true).toBe(true);
      expect(memory().numTensors).toBe(before + 2);
      seen.push(batch);
    }
    for (const batch of windows.batches({ batchSize: 2 })) {
      seen.push(batch);
      break;
    }
    await expect(async () => {
      for await (const batch of windows.batches({ batchSize: 2 })) {
        seen.push(batch);
        throw new Error('stop');
      }
    }).rejects.toThrow('stop');
    for (const batch of windows.sequential({ batchSize: 2 })) {
      seen.push(batch);
      break;
    }
    expect(seen).toHaveLength(6);
    expect(seen.every(({ inputs, targets }) => inputs.isDisposed && targets.isDisposed)).toBe(true);
  });

  it('reads the whole text once for evaluation: every token but the first is a target once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 40 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 4 }),
        (numTokens, seqLen, batchSize) => {
          const windows = new TokenWindows(counting(numTokens), { seqLen });
          const targets: number[] = [];
          let tokens = 0;
          for (const batch of windows.sequential({ batchSize })) {
            const inputs = Array.from(batch.inputs.dataSync());
            Array.from(batch.targets.dataSync()).forEach((target, i) => {
              if (target === IGNORED_LABEL) return;
              targets.push(target);
              expect(inputs[i]).toBe(target - 1);
            });
            tokens += batch.tokens;
          }
          expect(targets).toEqual(Array.from({ length: numTokens - 1 }, (_, i) => i + 1));
          expect(tokens).toBe(numTokens - 1);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('holds out the last part, as nanoGPT does', () => {
    const { train, validation } = new TokenWindows(counting(1115), { seqLen: 4 }).split({ validation: 0.1 });
    expect([train.numTokens, validation.numTokens]).toEqual([Math.floor(1115 * 0.9), 1115 - Math.floor(1115 * 0.9)]);
    for (const batch of validation.sequential({ batchSize: 1 })) {
      expect(offsetsOf(batch)).toEqual([1003]);
      break;
    }
    expect(codeOf(() => new TokenWindows(counting(5), { seqLen: 2 }).split({ validation: 0.01 }))).toBe('too-short');
    expect(() => new TokenWindows(counting(5), { seqLen: 2 }).split({ validation: 1 })).toThrow(ConfigError);
  });

  it('joins documents, each ended by the separator', () => {
    const windows = TokenWindows.fromDocuments([[1, 2], Int32Array.of(3)], { seqLen: 4, separator: 9 });
    for (const { inputs, targets } of windows.batches({ batchSize: 1, steps: 1 })) {
      expect([inputs.arraySync(), targets.arraySync()]).toEqual([[[1, 2, 9, 3]], [[2, 9, 3, 9]]]);
    }
  });

  it('refuses bad input with its place', () => {
    const windows = new TokenWindows(counting(5), { seqLen: 5 });
    expect(codeOf(() => windows.batches({ batchSize: 1 }))).toBe('too-short');
    expect(() => windows.batches({ batchSize: 1 })).toThrow('a window of seqLen 5 needs 6 tokens, the text has 5');
    expect(codeOf(() => new TokenWindows([1], { seqLen: 5 }))).toBe('too-short');
    expect(() => new TokenWindows([0, 4, 5], { seqLen: 1, vocabSize: 5 })).toThrow(
      new ValueError('TokenWindows: ids must be whole numbers in [0, 5), got 5 at position 2'),
    );
    for (const id of [-1, 0.5, NaN, 2 ** 31])
      expect(() => new TokenWindows([0, id], { seqLen: 1 })).toThrow(ValueError);
    expect(() => TokenWindows.fromDocuments([[2 ** 32]], { seqLen: 1, separator: 0 })).toThrow(ValueError);
    for (const options of [
      { batchSize: 0 },
      { batchSize: 1.5 },
      { batchSize: 1, steps: 0 },
      { batchSize: 1, seed: 0.5 },
    ]) {
      expect(() => new TokenWindows(counting(9), { seqLen: 2 }).batches(options)).toThrow(ConfigError);
    }
    expect(() => new TokenWindows(counting(9), { seqLen: 0 })).toThrow(ConfigError);
  });

  it('leaks nothing', () => {
    expect(memory().numTensors).toBe(before);
  });
});
