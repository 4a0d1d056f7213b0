import type { AttendAttributes } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import { input, type KernelCall } from '../kernel.ts';

/** Strides in elements. */
export type HeadStrides = readonly [batch: number, head: number, row: number];

/** Where the heads of an operand lie: in which input, from which element on. */
export interface Operand {
  readonly name: string;
  readonly first: number;
  readonly strides: HeadStrides;
}

/** What the ops differ in: where heads lie, and what shape the result has. */
export interface Layout {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly q: Operand;
  readonly k: Operand;
  readonly v: Operand;
  readonly shape: readonly number[];
  readonly yStrides: HeadStrides;
}

/** Finds the heads in the inputs of an op. */
export type Place<Attributes> = (inputs: KernelCall['inputs'], attributes: Attributes) => Layout;

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
export const placeSplit: Place<AttendAttributes> = (inputs) => {
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
export const placeMerged: Place<AttendAttributes & { readonly numHeads: number; readonly numKvHeads: number }> = (
  inputs,
  { numHeads: heads, numKvHeads: kvHeads },
) => {
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
export const placeFused: Place<AttendAttributes & { readonly numHeads: number }> = (inputs, { numHeads: heads }) => {
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

/** Strides of a tensor that is broadcast to [batch, heads, queries, keys]; 0 along axes where it is repeated. */
export function broadcastStrides(tensor: TensorInfo, full: readonly number[]): number[] {
  const shape = [...full.map(() => 1), ...tensor.shape].slice(-4);
  const strides = shape.map(() => 0);
  let stride = 1;
  for (let axis = 3; axis >= 0; axis--) {
    const size = shape[axis] as number;
    if (size > 1) strides[axis] = stride;
    stride *= size;
  }
  return strides;
}
