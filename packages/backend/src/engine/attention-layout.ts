import type { AttendAttributes } from '../ops/attend.ts';
import { input, type KernelCall } from './kernel.ts';

/** Strides in elements. */
export type HeadStrides = readonly [batch: number, head: number, row: number];

/** Where the heads of an operand lie: in which input, from which element on. */
export interface AttentionOperand {
  readonly name: string;
  readonly first: number;
  readonly strides: HeadStrides;
}

/** Sizes of an attention. */
export interface AttentionSizes {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly valueDim: number;
}

/** What `attend`, `attendMerged` and `selfAttend` differ in: where heads lie, and what shape the result has. */
export interface AttentionLayout extends AttentionSizes {
  readonly q: AttentionOperand;
  readonly k: AttentionOperand;
  readonly v: AttentionOperand;
  readonly shape: readonly number[];
  readonly yStrides: HeadStrides;
}

/** Finds the heads in the inputs of an op. */
export type PlaceHeads<Attributes> = (inputs: KernelCall<unknown>['inputs'], attributes: Attributes) => AttentionLayout;

/** [batch, heads, rows, dim] */
const splitStrides = ({ heads, rows, dim }: { heads: number; rows: number; dim: number }): HeadStrides => [
  heads * rows * dim,
  rows * dim,
  dim,
];
/** [batch, rows, heads · dim], of which a row may be part of a wider one. */
const mergedStrides = ({ rows, width, dim }: { rows: number; width: number; dim: number }): HeadStrides => [
  rows * width,
  dim,
  width,
];

/** Of `attend`: q, k, v and y with split heads. */
export const attendLayout: PlaceHeads<AttendAttributes> = (inputs) => {
  const [batch = 0, heads = 0, queries = 0, headDim = 0] = input({ inputs }, 'q').shape;
  const [, kvHeads = 0, keys = 0, valueDim = 0] = input({ inputs }, 'v').shape;
  return {
    ...{ batch, heads, kvHeads, queries, keys, headDim, valueDim },
    q: { name: 'q', first: 0, strides: splitStrides({ heads, rows: queries, dim: headDim }) },
    k: { name: 'k', first: 0, strides: splitStrides({ heads: kvHeads, rows: keys, dim: headDim }) },
    v: { name: 'v', first: 0, strides: splitStrides({ heads: kvHeads, rows: keys, dim: valueDim }) },
    shape: [batch, heads, queries, valueDim],
    yStrides: splitStrides({ heads, rows: queries, dim: valueDim }),
  };
};

/** Of `attendMerged`: q, k, v and y with heads side by side. */
export const attendMergedLayout: PlaceHeads<
  AttendAttributes & { readonly numHeads: number; readonly numKvHeads: number }
> = (inputs, { numHeads: heads, numKvHeads: kvHeads }) => {
  const [batch = 0, queries = 0, width = 0] = input({ inputs }, 'q').shape;
  const [, keys = 0, kvWidth = 0] = input({ inputs }, 'k').shape;
  const valueWidth = input({ inputs }, 'v').shape[2] ?? 0;
  const [headDim, valueDim] = [width / heads, valueWidth / kvHeads];
  return {
    ...{ batch, heads, kvHeads, queries, keys, headDim, valueDim },
    q: { name: 'q', first: 0, strides: mergedStrides({ rows: queries, width, dim: headDim }) },
    k: { name: 'k', first: 0, strides: mergedStrides({ rows: keys, width: kvWidth, dim: headDim }) },
    v: { name: 'v', first: 0, strides: mergedStrides({ rows: keys, width: valueWidth, dim: valueDim }) },
    shape: [batch, queries, heads * valueDim],
    yStrides: mergedStrides({ rows: queries, width: heads * valueDim, dim: valueDim }),
  };
};

/** Of `selfAttend`: q, k and v are thirds of one tensor. */
export const selfAttendLayout: PlaceHeads<AttendAttributes & { readonly numHeads: number }> = (
  inputs,
  { numHeads: heads },
) => {
  const [batch = 0, seq = 0, width = 0] = input({ inputs }, 'qkv').shape;
  const dim = width / 3;
  const headDim = dim / heads;
  const strides = mergedStrides({ rows: seq, width, dim: headDim });
  return {
    ...{ batch, heads, kvHeads: heads, queries: seq, keys: seq, headDim, valueDim: headDim },
    q: { name: 'qkv', first: 0, strides },
    k: { name: 'qkv', first: dim, strides },
    v: { name: 'qkv', first: 2 * dim, strides },
    shape: [batch, seq, dim],
    yStrides: mergedStrides({ rows: seq, width: dim, dim: headDim }),
  };
};
