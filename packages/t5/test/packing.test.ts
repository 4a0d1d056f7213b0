import { EncoderDecoderCache } from '@formers/attention';
import { concat, reshape, slice, type Tensor2D, type Tensor3D, tensor3d, type Tensor4D } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectSameBits,
  randomIds,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { T5, T5_PRESETS, T5EncoderModel } from '../src/index.ts';

useEngineForTests();

const [sources, targets] = [
  [4, 2, 3],
  [2, 3, 1],
];
const total = (lengths: readonly number[]): number => lengths.reduce((sum, length) => sum + length, 0);
const idsOf = (lengths: readonly number[], seed: number): Tensor2D =>
  randomIds<Tensor2D>([1, total(lengths)], { bound: 40, seed });
const owners = (lengths: readonly number[]): number[] =>
  lengths.flatMap((length, i) => new Array<number>(length).fill(i));

/** 1 where query and key are of the same sequence: [1, queries, keys]. */
function sameSequence(queries: readonly number[], keys: readonly number[]): Tensor3D {
  const rows = owners(queries).map((of) => owners(keys).map((other) => (of === other ? 1 : 0)));
  return tensor3d([rows], [1, total(queries), total(keys)], 'int32');
}

/** Calls `check` with where each sequence lies. */
function eachSequence(
  check: (at: { source: [from: number, length: number]; target: [from: number, length: number] }) => void,
): void {
  sources.forEach((length, i) =>
    check({
      source: [total(sources.slice(0, i)), length],
      target: [total(targets.slice(0, i)), targets[i]!],
    }),
  );
}

const model = (): T5 => new T5({ vocabSize: 40, ...T5_PRESETS.testing }, { seed: 1 });

test('encoder: sequences packed in one row are the sequences alone', () => {
  using encoder = new T5EncoderModel({ vocabSize: 40, ...T5_PRESETS.testing }, { seed: 1 });
  const ids = idsOf(sources, 0);
  const attentionMask = sameSequence(sources, sources);
  const packed = encoder.call(ids, { attentionMask });
  eachSequence(({ source: [from, length] }) =>
    expectClose(slice(packed, [0, from, 0], [1, length, -1]), encoder.call(slice(ids, [0, from], [1, length])), {
      rtol: 1e-4,
      atol: 1e-5,
    }),
  );
  expect(valuesOf(packed)).not.toEqual(valuesOf(encoder.call(ids)));
  const heads = reshape(attentionMask, [1, 1, total(sources), total(sources)]) as Tensor4D;
  expectSameBits(encoder.call(ids, { attentionMask: heads }), packed);
});

test('encoder and decoder: the same, at once and part by part with a cache', () => {
  using t5 = model();
  const [ids, decoderIds] = [idsOf(sources, 0), idsOf(targets, 1)];
  const encoded = t5.encode(ids, { attentionMask: sameSequence(sources, sources) });
  const attentionMask = sameSequence(targets, sources);
  const decoderAttentionMask = sameSequence(targets, targets);
  const packed = t5.decode(decoderIds, { encoded, attentionMask, decoderAttentionMask });
  eachSequence(({ source, target }) => {
    const part = (x: Tensor2D, [from, length]: [number, number]): Tensor2D => slice(x, [0, from], [1, length]);
    const alone = t5.call(part(ids, source), { decoderIds: part(decoderIds, target) });
    expectClose(slice(packed, [0, target[0], 0], [1, target[1], -1]), alone, { rtol: 1e-4, atol: 1e-4 });
  });
  using cache = new EncoderDecoderCache();
  let start = 0;
  const parts = [1, 3, 2].map((length) => {
    const from = start;
    start += length;
    return t5.decode(slice(decoderIds, [0, from], [1, length]), {
      encoded,
      attentionMask: slice(attentionMask, [0, from, 0], [1, length, -1]),
      decoderAttentionMask: slice(decoderAttentionMask, [0, from, 0], [1, length, start]),
      cache,
    });
  });
  expectClose(concat(parts, 1), packed, { rtol: 1e-4, atol: 1e-4 });
});

test('masks of another shape are refused', async () => {
  using t5 = model();
  const ids = idsOf(sources, 0);
  for (const shape of [[1, 8], [1, 9, 8], [1, 8, 9], [9], [1, 1, 9, 8]]) {
    const attentionMask = randomTensor<Tensor2D>(shape);
    await expectError(() => t5.encode(ids, { attentionMask }), {
      code: 'shape',
      message: 'T5Encoder: attentionMask must be',
    });
  }
});
