import type { TensorInfo } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { attendLayout, attendMergedLayout, type HeadStrides, selfAttendLayout } from '../../src/engine/index.ts';

const info = (...shape: number[]): TensorInfo => ({ dataId: {}, shape, dtype: 'float32' });
const attributes = { scale: 1, causal: false, queryOffset: 0, window: 0, softCap: 0, dropout: undefined };

/** Element of a head's row, by strides. */
const at = ([batch, head, row]: HeadStrides, place: readonly [number, number, number]): number =>
  place[0] * batch + place[1] * head + place[2] * row;

test('attend: [batch, heads, rows, dim], fewer heads of keys, values of another width', () => {
  const inputs = { q: info(2, 6, 5, 4), k: info(2, 3, 7, 4), v: info(2, 3, 7, 8) };
  const { q, k, v, yStrides, shape, ...sizes } = attendLayout(inputs, attributes);
  expect(sizes).toEqual({ batch: 2, heads: 6, kvHeads: 3, queries: 5, keys: 7, headDim: 4, valueDim: 8 });
  expect(shape).toEqual([2, 6, 5, 8]);
  expect(at(q.strides, [1, 5, 4])).toBe(((1 * 6 + 5) * 5 + 4) * 4);
  expect(at(k.strides, [1, 2, 6])).toBe(((1 * 3 + 2) * 7 + 6) * 4);
  expect(at(v.strides, [1, 2, 6])).toBe(((1 * 3 + 2) * 7 + 6) * 8);
  expect(at(yStrides, [1, 5, 4])).toBe(((1 * 6 + 5) * 5 + 4) * 8);
});

test('attendMerged: [batch, rows, heads · dim]', () => {
  const inputs = { q: info(2, 5, 24), k: info(2, 7, 12), v: info(2, 7, 24) };
  const { q, k, v, yStrides, shape, ...sizes } = attendMergedLayout(inputs, {
    ...attributes,
    ...{ numHeads: 6, numKvHeads: 3 },
  });
  expect(sizes).toEqual({ batch: 2, heads: 6, kvHeads: 3, queries: 5, keys: 7, headDim: 4, valueDim: 8 });
  expect(shape).toEqual([2, 5, 48]);
  expect(at(q.strides, [1, 5, 4])).toBe((1 * 5 + 4) * 24 + 5 * 4);
  expect(at(k.strides, [1, 2, 6])).toBe((1 * 7 + 6) * 12 + 2 * 4);
  expect(at(v.strides, [1, 2, 6])).toBe((1 * 7 + 6) * 24 + 2 * 8);
  expect(at(yStrides, [1, 5, 4])).toBe((1 * 5 + 4) * 48 + 5 * 8);
});

test('selfAttend: thirds of one tensor', () => {
  const { q, k, v, yStrides, shape } = selfAttendLayout({ qkv: info(2, 5, 36) }, { ...attributes, numHeads: 3 });
  expect([q, k, v].map(({ name, first }) => [name, first])).toEqual([['qkv', 0], ['qkv', 12], ['qkv', 24]]); // prettier-ignore
  for (const { strides } of [q, k, v]) expect(at(strides, [1, 2, 4])).toBe((1 * 5 + 4) * 36 + 2 * 4);
  expect(shape).toEqual([2, 5, 12]);
  expect(at(yStrides, [1, 2, 4])).toBe((1 * 5 + 4) * 12 + 2 * 4);
});
