import {
  attend,
  attendMerged,
  type AttendOptions,
  nextDropoutKey,
  normalValues,
  randomKey,
  selfAttend,
  withDropout,
} from '@formers/backend';
import type { Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';

import { type Array64, forEachIndex } from './array64.ts';
import { attention64, type Attention64Options } from './attention64.ts';
import type { CaseInput, OpCase } from './op-case.ts';

interface Sizes {
  readonly batch?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly queries?: number;
  readonly keys?: number;
  readonly headDim?: number;
  readonly valueDim?: number;
}

interface AttentionCase
  extends Sizes, Pick<AttendOptions, 'causal' | 'queryOffset' | 'window' | 'scale' | 'softCap' | 'dropout'> {
  /** Shape of a mask of random places; each of its rows, but the first, shows something. */
  readonly maskShape?: readonly number[];
  readonly biasShape?: readonly number[];
  /** Added to the bias of the first query: -1e30 swallows its scores, so that it sees all keys alike. */
  readonly firstBias?: number;
  /** Factor of q: sharp attention has large scores. */
  readonly sharpness?: number;
}

const SEED = { seed: 3, step: 1 };

function attentionCase(
  name: string,
  {
    batch = 2,
    heads = 4,
    kvHeads = heads,
    queries = 7,
    keys = queries,
    headDim = 8,
    valueDim = headDim,
    ...rest
  }: AttentionCase,
): OpCase {
  const { maskShape, biasShape, firstBias, sharpness = 1, ...options } = rest;
  const qShape = [batch, heads, queries, headDim];
  const q = normalValues(randomKey(9, name), batch * heads * queries * headDim).map((value) => value * sharpness);
  const hasScores = firstBias === undefined; // what is swallowed has no differences
  const inputs: CaseInput[] = [
    { shape: qShape, values: q, differentiable: hasScores },
    { shape: [batch, kvHeads, keys, headDim], differentiable: hasScores },
    { shape: [batch, kvHeads, keys, valueDim] },
  ];
  if (maskShape) inputs.push({ shape: maskShape, dtype: 'bool', values: maskValues(maskShape) });
  // What is added to all scores of a query changes nothing: its gradient is rounding noise.
  if (biasShape)
    inputs.push({
      shape: biasShape,
      ...(firstBias !== undefined && { values: firstQuery(biasShape, firstBias) }),
      differentiable: biasShape.at(-1) === keys && hasScores,
    });
  const pick = <T>(list: readonly T[]) => ({
    mask: maskShape ? list[3] : undefined,
    bias: biasShape ? list[maskShape ? 4 : 3] : undefined,
  });
  return {
    name: `attend: ${name}`,
    work: batch * heads * queries * keys * (headDim + valueDim),
    inputs,
    op: (tensors) =>
      withDropout(SEED, () =>
        attend(tensors[0] as Tensor4D, tensors[1] as Tensor4D, tensors[2] as Tensor4D, {
          ...options,
          ...pick(tensors),
        }),
      ),
    reference: (arrays) =>
      attention64(arrays.slice(0, 3) as [Array64, Array64, Array64], { ...reference(options), ...pick(arrays) }),
    tolerance: sharpness > 1 ? 1e-4 : 1e-5,
  };
}

/** `value` for the first query of each matrix, zeros for the others. */
function firstQuery(shape: readonly number[], value: number): Float32Array {
  const [queries = 1, keys = 1] = shape.slice(-2);
  const size = shape.reduce((a, b) => a * b, 1);
  return Float32Array.from({ length: size }, (_, i) => (i % (queries * keys) < keys ? value : 0));
}

/** The options with the key that a dropout scope hands to its first call. */
function reference({ dropout, ...options }: Pick<AttentionCase, 'dropout'>): Attention64Options {
  const key = dropout ? withDropout(SEED, nextDropoutKey) : undefined;
  return { ...options, dropout: key && { rate: dropout ?? 0, key } };
}

/** Two thirds visible; nothing at all in the first row, and all in those rows where chance left nothing. */
function maskValues(shape: readonly number[]): Uint8Array {
  const keys = shape.at(-1) ?? 1;
  const values = Uint8Array.from(
    normalValues(
      randomKey(5, shape.join()),
      shape.reduce((a, b) => a * b, 1),
    ),
    (value) => (value < 0.4 ? 1 : 0),
  );
  values.fill(0, 0, keys);
  for (let row = keys; row < values.length; row += keys)
    if (!values.subarray(row, row + keys).includes(1)) values.fill(1, row, row + keys);
  return values;
}

function selfAttentionCase(
  name: string,
  {
    batch = 2,
    heads = 3,
    seq = 7,
    headDim = 8,
    ...options
  }: { batch?: number; heads?: number; seq?: number; headDim?: number } & AttendOptions,
): OpCase {
  const dim = heads * headDim;
  return {
    name: `selfAttend: ${name}`,
    work: 2 * batch * seq * seq * dim,
    inputs: [{ shape: [batch, seq, 3 * dim] }],
    op: ([qkv]) => withDropout(SEED, () => selfAttend(qkv as Tensor3D, { numHeads: heads, ...options })),
    reference: ([qkv]) => {
      const part = (third: number) =>
        splitHeads64({ shape: [batch, seq, dim], data: columns(qkv as Array64, third * dim, dim) }, heads);
      return mergeHeads64({
        shape: [batch, heads, seq, headDim],
        data: attention64([part(0), part(1), part(2)], reference(options as AttentionCase)),
      });
    },
  };
}

/** `count` columns of each row, from column `from` on. */
function columns({ shape, data }: Array64, from: number, count: number): Float64Array {
  const width = shape.at(-1) ?? 1;
  return data.filter((_, i) => i % width >= from && i % width < from + count);
}

/** [batch, rows, heads · dim] to [batch, heads, rows, dim]. */
function splitHeads64({ shape, data }: Array64, heads: number): Array64 {
  const [batch = 0, rows = 0, width = 0] = shape;
  const target = [batch, heads, rows, width / heads];
  const split = new Float64Array(data.length);
  forEachIndex(target, ([b = 0, h = 0, row = 0, d = 0], flat) => {
    split[flat] = data[(b * rows + row) * width + (h * width) / heads + d] as number;
  });
  return { shape: target, data: split };
}

/** [batch, heads, rows, dim] to [batch, rows, heads · dim]. */
function mergeHeads64({ shape, data }: Array64): Float64Array {
  const [batch = 0, heads = 0, rows = 0, dim = 0] = shape;
  const merged = new Float64Array(data.length);
  forEachIndex([batch, rows, heads, dim], ([b = 0, row = 0, h = 0, d = 0], flat) => {
    merged[flat] = data[((b * heads + h) * rows + row) * dim + d] as number;
  });
  return merged;
}

/** An {@link attentionCase} with heads side by side. */
function mergedCase(name: string, sizes: AttentionCase): OpCase {
  const { inputs, reference, ...rest } = attentionCase(name, sizes);
  const { batch = 2, heads = 4, kvHeads = heads, queries = 7, keys = queries, headDim = 8, valueDim = headDim } = sizes;
  const { causal, queryOffset, window, scale, softCap, dropout, maskShape, biasShape } = sizes;
  const options = { causal, queryOffset, window, scale, softCap, dropout, numHeads: heads, numKvHeads: kvHeads };
  return {
    ...rest,
    name: `attendMerged: ${name}`,
    inputs: [
      { shape: [batch, queries, heads * headDim] },
      { shape: [batch, keys, kvHeads * headDim] },
      { shape: [batch, keys, kvHeads * valueDim] },
      ...inputs.slice(3),
    ],
    op: ([q, k, v, ...masks]) =>
      withDropout(SEED, () =>
        attendMerged(q as Tensor3D, k as Tensor3D, v as Tensor3D, {
          ...options,
          mask: maskShape ? masks[0] : undefined,
          bias: biasShape ? masks.at(-1) : undefined,
        }),
      ),
    reference: ([q, k, v, ...masks]) =>
      mergeHeads64({
        shape: [batch, heads, queries, valueDim],
        data: reference([
          splitHeads64(q as Array64, heads),
          splitHeads64(k as Array64, kvHeads),
          splitHeads64(v as Array64, kvHeads),
          ...masks,
        ]),
      }),
  };
}

/** `attend`, `selfAttend` and `attendMerged` with all that they can be told. */
export const attentionCases: readonly OpCase[] = [
  attentionCase('plain', {}),
  attentionCase('one of everything', { batch: 1, heads: 1, queries: 1, headDim: 1 }),
  attentionCase('causal', { causal: true, queries: 17 }),
  attentionCase('causal, blocks and panels cut', { causal: true, queries: 33, headDim: 17, heads: 1 }),
  attentionCase('causal, 197 keys', { batch: 1, heads: 1, causal: true, queries: 197, headDim: 16 }),
  attentionCase('causal with earlier keys', { causal: true, queries: 5, keys: 21 }),
  attentionCase('causal, one query of a cache', { causal: true, queries: 1, keys: 18 }),
  attentionCase('causal, first queries see nothing', { causal: true, queries: 9, keys: 5 }),
  attentionCase('query offset', { causal: true, queries: 6, keys: 20, queryOffset: 4 }),
  attentionCase('window', { causal: true, window: 5, queries: 40 }),
  attentionCase('window without causality', { window: 3, queries: 19 }),
  attentionCase('cross', { queries: 5, keys: 18, valueDim: 5 }),
  attentionCase('grouped queries', { heads: 6, kvHeads: 2, causal: true, queries: 19 }),
  attentionCase('one key head', { heads: 3, kvHeads: 1, queries: 9 }),
  attentionCase('odd sizes', { batch: 3, heads: 5, queries: 15, keys: 31, headDim: 13, valueDim: 11 }),
  attentionCase('mask of keys', { maskShape: [2, 1, 1, 7] }),
  attentionCase('mask, rows with nothing to see', { maskShape: [2, 4, 7, 7] }),
  attentionCase('mask and causality', { maskShape: [1, 1, 17, 17], causal: true, queries: 17 }),
  attentionCase('mask that is broadcast over batch', { maskShape: [7, 7] }),
  attentionCase('bias', { biasShape: [2, 4, 7, 7] }),
  attentionCase('bias shared by the batch', { biasShape: [1, 4, 19, 19], queries: 19, causal: true }),
  attentionCase('bias shared by the heads', { biasShape: [2, 1, 7, 7], heads: 4, kvHeads: 2 }),
  attentionCase('bias of keys', { biasShape: [4, 1, 7] }),
  attentionCase('bias of queries', { biasShape: [4, 7, 1] }),
  attentionCase('bias that swallows the scores of a query', { biasShape: [2, 1, 7, 1], firstBias: -1e30 }),
  attentionCase('bias that swallows the scores of one query of a cache', {
    ...{ queries: 1, keys: 18, biasShape: [2, 1, 1, 1] },
    firstBias: -1e30,
  }),
  attentionCase('bias and mask', { biasShape: [1, 4, 7, 7], maskShape: [2, 1, 7, 7] }),
  attentionCase('scale', { scale: 0.3 }),
  attentionCase('soft cap', { softCap: 2, causal: true, queries: 18 }),
  attentionCase('soft cap and bias', { softCap: 2, biasShape: [1, 4, 7, 7] }),
  attentionCase('dropout', { dropout: 0.3, queries: 9 }),
  attentionCase('dropout, causal, grouped, odd rows', {
    dropout: 0.5,
    causal: true,
    heads: 4,
    kvHeads: 2,
    queries: 33,
    batch: 3,
  }),
  attentionCase('dropout with a soft cap and a bias', { dropout: 0.2, softCap: 3, biasShape: [1, 4, 7, 7] }),
  attentionCase('peaked scores', { sharpness: 30, causal: true, queries: 33 }),
  selfAttentionCase('plain', {}),
  selfAttentionCase('causal', { causal: true, seq: 65, headDim: 32 }),
  selfAttentionCase('causal with dropout', { causal: true, seq: 19, dropout: 0.4 }),
  selfAttentionCase('window', { causal: true, window: 4, seq: 21, headDim: 5, heads: 1, batch: 5 }),
  mergedCase('plain', {}),
  mergedCase('one of everything', { batch: 1, heads: 1, queries: 1, headDim: 1 }),
  mergedCase('odd sizes', { batch: 3, heads: 5, queries: 15, keys: 31, headDim: 13, valueDim: 11 }),
  mergedCase('causal, grouped queries', { causal: true, heads: 6, kvHeads: 2, queries: 35 }),
  mergedCase('window, one query', { causal: true, window: 5, queries: 1, keys: 18 }),
  mergedCase('cross, mask of keys', { queries: 33, keys: 18, maskShape: [2, 1, 1, 18] }),
  mergedCase('bias and mask', { biasShape: [1, 4, 7, 7], maskShape: [2, 1, 7, 7] }),
  mergedCase('bias shared by the heads', { biasShape: [2, 1, 7, 7], kvHeads: 2 }),
  mergedCase('dropout with a soft cap', { dropout: 0.3, softCap: 3, queries: 17, scale: 0.5 }),
];
