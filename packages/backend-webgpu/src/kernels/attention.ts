import type { AttendAttributes } from '@formers/backend';
import { type AttentionLayout, createAttentionKernels, type PlaceHeads } from '@formers/backend/engine';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import { runBiasGradient } from './attention/bias-gradient.ts';
import { MOST_DECODED, runDecode } from './attention/decode.ts';
import { runForward } from './attention/forward.ts';
import { runKeyGradients, runQueryGradient, runRowSums } from './attention/gradient.ts';
import { problemOf } from './attention/problem.ts';
import { input, type Kernel, type KernelCall, type KernelTable, sizeOf, zeros } from './kernel.ts';

function forward<Attributes extends AttendAttributes>(place: PlaceHeads<Attributes>): Kernel {
  return (call: KernelCall<Attributes>): TensorInfo => {
    const { backend, inputs, attributes } = call;
    const layout = place(inputs, attributes);
    const { batch, heads, queries, k } = layout;
    if (sizeOf(input({ inputs }, k.name)) === 0) return zeros(backend, layout.shape);
    const y = backend.layerOutput(layout.shape);
    if (sizeOf(y) === 0) return y;
    const lse = backend.output([batch, heads, queries, 2]);
    backend.attach(y, { lse });
    const run = queries <= MOST_DECODED ? runDecode : runForward;
    run(backend, problemOf(call, layout), { y, lse });
    return y;
  };
}

type GradientCall<Attributes> = KernelCall<Attributes & { readonly wanted: readonly string[] }>;

function gradient<Attributes extends AttendAttributes>(place: PlaceHeads<Attributes>): Kernel {
  return (call: GradientCall<Attributes>): TensorInfo[] => {
    const { backend, inputs, attributes } = call;
    const layout = place(inputs, attributes);
    const [y, { wanted }] = [input({ inputs }, 'y'), attributes];
    const isEmpty = sizeOf(y) === 0 || sizeOf(input({ inputs }, layout.k.name)) === 0;
    const made = Object.fromEntries(
      wanted.map((name) => {
        const { shape } = input({ inputs }, name);
        return [name, isEmpty ? zeros(backend, shape) : backend.output(shape)];
      }),
    );
    if (!isEmpty) runGradient(call, layout, made);
    return wanted.map((name) => made[name] as TensorInfo);
  };
}

function runGradient(
  call: KernelCall<AttendAttributes>,
  layout: AttentionLayout,
  made: Readonly<Record<string, TensorInfo>>,
): void {
  const { backend, inputs } = call;
  const [y, dy] = [input({ inputs }, 'y'), input({ inputs }, 'dy')];
  const problem = problemOf(call, layout);
  const rows = backend.output([layout.batch, layout.heads, layout.queries, 4]);
  const lse = backend.side(y)['lse'] as TensorInfo;
  const [dq, dk, dv, dBias] = [made[layout.q.name], made[layout.k.name], made[layout.v.name], made['bias']];
  const operands = Object.keys(problem.reads).length;
  const most = backend.device.limits.maxStorageBuffersPerShaderStage; // at least eight
  const isFound = dq !== undefined && operands + 5 <= most;
  if (!isFound) runRowSums(backend, problem, { y, dy, lse, rows });
  if (dq) runQueryGradient(backend, problem, { dy, rows, dq, found: isFound ? { y, lse } : undefined });
  if (dk && dv && dk !== dv && operands + 4 > most) {
    runKeyGradients(backend, problem, { dy, rows, dk });
    runKeyGradients(backend, problem, { dy, rows, dv });
  } else if (dk ?? dv) runKeyGradients(backend, problem, { dy, rows, dk, dv });
  if (dBias) runBiasGradient(backend, problem, { dy, rows, dBias });
  backend.disposeData(rows.dataId);
}

/** Kernels of `attend`, `attendMerged` and `selfAttend` in @formers/backend. */
export const attentionKernels: KernelTable = createAttentionKernels({ forward, gradient });
