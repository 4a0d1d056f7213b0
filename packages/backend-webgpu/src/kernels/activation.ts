import type { FusedActivation } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import {
  elementwise,
  input,
  type Kernel,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  WORKGROUP,
} from './kernel.ts';

const sigmoid = '1.0 / (1.0 + exp(-clamp(x, -87.0, 87.0)))';

/** Value and slope of an activation at `x`, as WGSL expressions. */
export const ACTIVATION_WGSL: Partial<Record<FusedActivation, { value: string; slope: string }>> = {
  relu: { value: 'max(x, 0.0)', slope: 'select(0.0, 1.0, x > 0.0)' },
  silu: { value: `x * ${sigmoid}`, slope: `${sigmoid} * (1.0 + x * (1.0 - ${sigmoid}))` },
};

function unary(activation: FusedActivation, x: TensorInfo, { backend }: KernelCall): TensorInfo {
  const y = backend.output(x.shape);
  backend.run({
    key: `activation ${activation}`,
    code: () => elementwise(`let x = x[i]; y[i] = ${ACTIVATION_WGSL[activation]?.value};`),
    reads: { x },
    writes: { y },
    counts: { size: sizeOf(x) },
    workgroups: spread(Math.ceil(sizeOf(x) / WORKGROUP)),
  });
  return y;
}

const silu: Kernel = (call) => unary('silu', input(call, 'x'), call);

/** Activations and their gradients. */
export const activationKernels: KernelTable = { FormersSilu: silu };
