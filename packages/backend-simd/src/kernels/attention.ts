import type { AttendAttributes } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import {
  type AttentionProblem,
  type AttentionSizes,
  type HeadStrides,
  runAttention,
  runAttentionGradient,
} from './attention-problem.ts';
import { fillZeros, input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** Where the heads of an operand lie: in which input, from which element on. */
interface Operand {
  readonly name: string;
  readonly from: number;
  readonly strides: HeadStrides;
}

/** What the ops differ in: where heads lie, and what shape the result has. */
interface Layout {
  readonly sizes: AttentionSizes;
  readonly q: Operand;
  readonly k: Operand;
  readonly v: Operand;
  readonly shape: number[];
  readonly yStrides: HeadStrides;
}

type Place<Attributes> = (inputs: KernelCall['inputs'], attributes: Attributes) => Layout;

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
const placeSplit: Place<AttendAttributes> = (inputs) => {
  const [batch = 0, heads = 0, queries = 0, headDim = 0] = input({ inputs }, 'q').shape;
  const [, kvHeads = 0, keys = 0, valueDim = 0] = input({ inputs }, 'v').shape;
  return {
    sizes: { batch, heads, kvHeads, queries, keys, headDim, valueDim },
    q: { name: 'q', from: 0, strides: splitStrides({ heads, rows: queries, dim: headDim }) },
    k: { name: 'k', from: 0, strides: splitStrides({ heads: kvHeads, rows: keys, dim: headDim }) },
    v: { name: 'v', from: 0, strides: splitStrides({ heads: kvHeads, rows: keys, dim: valueDim }) },
    shape: [batch, heads, queries, valueDim],
    yStrides: splitStrides({ heads, rows: queries, dim: valueDim }),
  };
};

/** Of `attendMerged`: q, k, v and y with heads side by side. */
const placeMerged: Place<AttendAttributes & { readonly numHeads: number; readonly numKvHeads: number }> = (
  inputs,
  { numHeads: heads, numKvHeads: kvHeads },
) => {
  const [batch = 0, queries = 0, width = 0] = input({ inputs }, 'q').shape;
  const [, keys = 0, kvWidth = 0] = input({ inputs }, 'k').shape;
  const valueWidth = input({ inputs }, 'v').shape[2] ?? 0;
  const [headDim, valueDim] = [width / heads, valueWidth / kvHeads];
  return {
    sizes: { batch, heads, kvHeads, queries, keys, headDim, valueDim },
    q: { name: 'q', from: 0, strides: mergedStrides({ rows: queries, width, dim: headDim }) },
    k: { name: 'k', from: 0, strides: mergedStrides({ rows: keys, width: kvWidth, dim: headDim }) },
    v: { name: 'v', from: 0, strides: mergedStrides({ rows: keys, width: valueWidth, dim: valueDim }) },
    shape: [batch, queries, heads * valueDim],
    yStrides: mergedStrides({ rows: queries, width: heads * valueDim, dim: valueDim }),
  };
};

/** Of `selfAttend`: q, k and v are thirds of one tensor. */
const placeFused: Place<AttendAttributes & { readonly numHeads: number }> = (inputs, { numHeads: heads }) => {
  const [batch = 0, seq = 0, width = 0] = input({ inputs }, 'qkv').shape;
  const dim = width / 3;
  const headDim = dim / heads;
  const strides = mergedStrides({ rows: seq, width, dim: headDim });
  return {
    sizes: { batch, heads, kvHeads: heads, queries: seq, keys: seq, headDim, valueDim: headDim },
    q: { name: 'qkv', from: 0, strides },
    k: { name: 'qkv', from: dim, strides },
    v: { name: 'qkv', from: 2 * dim, strides },
    shape: [batch, seq, dim],
    yStrides: mergedStrides({ rows: seq, width: dim, dim: headDim }),
  };
};

function problemOf(
  { backend, inputs, attributes }: KernelCall<AttendAttributes>,
  { sizes, yStrides, ...layout }: Layout,
  { y, statistics }: { y: TensorInfo; statistics: number },
): AttentionProblem {
  const heads = ({ name, from, strides }: Operand) => ({
    address: backend.address(input({ inputs }, name)) + from * 4,
    strides,
  });
  return {
    ...sizes,
    q: heads(layout.q),
    k: heads(layout.k),
    v: heads(layout.v),
    y: { address: backend.address(y), strides: yStrides },
    statistics,
    mask: inputs['mask'],
    bias: inputs['bias'],
    attributes,
  };
}

function forward<Attributes extends AttendAttributes>(place: Place<Attributes>): Kernel {
  return (call: KernelCall<Attributes>): TensorInfo => {
    const { backend, inputs, attributes } = call;
    const layout = place(inputs, attributes);
    const { batch, heads, queries } = layout.sizes;
    const y = backend.output(layout.shape);
    const statistics = backend.engine.allocate(batch * heads * queries * 8);
    backend.attach(y, { statistics });
    if (sizeOf(input({ inputs }, layout.k.name)) === 0) return fillZeros(backend, y);
    if (sizeOf(y) > 0) runAttention(backend, problemOf(call, layout, { y, statistics }));
    return y;
  };
}

function gradient<Attributes extends AttendAttributes>(place: Place<Attributes>): Kernel {
  return (call: KernelCall<Attributes & { readonly wanted: readonly string[] }>): TensorInfo[] => {
    const { backend, inputs, attributes } = call;
    const layout = place(inputs, attributes);
    const { q, k, v } = layout;
    const y = input({ inputs }, 'y');
    const made = new Map<string, TensorInfo>();
    for (const name of new Set([q.name, k.name, v.name])) made.set(name, backend.output(input({ inputs }, name).shape));
    const { bias } = inputs;
    if (bias && attributes.wanted.includes('bias')) made.set('bias', fillZeros(backend, backend.output(bias.shape)));
    if (sizeOf(y) === 0 || sizeOf(input({ inputs }, k.name)) === 0)
      for (const tensor of made.values()) fillZeros(backend, tensor);
    else {
      const statistics = backend.side(y)['statistics'] as number;
      const target = ({ name, from }: Operand) => backend.address(made.get(name) as TensorInfo) + from * 4;
      const dBias = made.get('bias');
      runAttentionGradient(backend, problemOf(call, layout, { y, statistics }), {
        dy: backend.address(input({ inputs }, 'dy')),
        dq: target(q),
        dk: target(k),
        dv: target(v),
        dBias: dBias ? backend.address(dBias) : 0,
      });
    }
    return take(backend, made, attributes.wanted);
  };
}

/** The wanted ones of what was made; frees the others. */
function take(backend: SimdBackend, made: ReadonlyMap<string, TensorInfo>, wanted: readonly string[]): TensorInfo[] {
  for (const [name, { dataId }] of made) if (!wanted.includes(name)) backend.disposeData(dataId);
  return wanted.map((name) => made.get(name) as TensorInfo);
}

/** Kernels of `attend`, `attendMerged` and `selfAttend` in @formers/backend. */
export const attentionKernels: KernelTable = {
  FormersAttend: forward(placeSplit),
  FormersAttendGradient: gradient(placeSplit),
  FormersAttendMerged: forward(placeMerged),
  FormersAttendMergedGradient: gradient(placeMerged),
  FormersSelfAttend: forward(placeFused),
  FormersSelfAttendGradient: gradient(placeFused),
};
