import type { AttendAttributes } from '@formers/backend';
import {
  type AttentionLayout,
  type AttentionOperand,
  createAttentionKernels,
  type PlaceHeads,
} from '@formers/backend/engine';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import { type AttentionProblem, runAttention, runAttentionGradient } from './attention-problem.ts';
import { fillZeros, input, type Kernel, type KernelCall, type KernelTable, sizeOf, takeWanted } from './kernel.ts';

function problemOf(
  { backend, inputs, attributes }: KernelCall<AttendAttributes>,
  { yStrides, ...layout }: AttentionLayout,
  { y, statistics }: { y: TensorInfo; statistics: number },
): AttentionProblem {
  const heads = ({ name, first, strides }: AttentionOperand) => ({
    address: backend.address(input({ inputs }, name)) + first * 4,
    strides,
  });
  return {
    ...layout,
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

function forward<Attributes extends AttendAttributes>(place: PlaceHeads<Attributes>): Kernel {
  return (call: KernelCall<Attributes>): TensorInfo => {
    const { backend, inputs, attributes } = call;
    const layout = place(inputs, attributes);
    const { batch, heads, queries } = layout;
    const y = backend.output(layout.shape);
    const statistics = backend.engine.allocate(batch * heads * queries * 8);
    backend.attach(y, { statistics });
    if (sizeOf(input({ inputs }, layout.k.name)) === 0) return fillZeros(backend, y);
    if (sizeOf(y) > 0) runAttention(backend, problemOf(call, layout, { y, statistics }));
    return y;
  };
}

function gradient<Attributes extends AttendAttributes>(place: PlaceHeads<Attributes>): Kernel {
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
      const target = ({ name, first }: AttentionOperand) => backend.address(made.get(name) as TensorInfo) + first * 4;
      const dBias = made.get('bias');
      runAttentionGradient(backend, problemOf(call, layout, { y, statistics }), {
        dy: backend.address(input({ inputs }, 'dy')),
        dq: target(q),
        dk: target(k),
        dv: target(v),
        dBias: dBias ? backend.address(dBias) : 0,
      });
    }
    return takeWanted(call, Object.fromEntries(made));
  };
}

/** Kernels of `attend`, `attendMerged` and `selfAttend` in @formers/backend. */
export const attentionKernels: KernelTable = createAttentionKernels({ forward, gradient });
