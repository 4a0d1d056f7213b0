import type { TensorInfo } from '@tensorflow/tfjs-core';

import { isStoredInHalves } from '../engine/half-storage.ts';
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
import { type Dropout, DROPOUT_WGSL, dropoutCounts, dropoutNumbers } from './random.ts';

const FOUR = 'y[i] = x[i] * dropoutFactors(4u * i);';
const FOUR_NUMBERS = `let factors = dropoutFactors(4u * i);
  for (var n = 0u; n < 4u && 4u * i + n < u.length; n++) { y[4u * i + n] = x[4u * i + n] * factors[n]; }`;

function drop(name: string): Kernel {
  return ({ backend, inputs, attributes }: KernelCall<Dropout>): TensorInfo => {
    const x = input({ inputs }, name);
    const y = isStoredInHalves(backend, x.dataId) ? backend.layerOutput(x.shape) : backend.output(x.shape);
    const length = sizeOf(x);
    if (length === 0) return y;
    const isVector = length % 4 === 0;
    const as = isVector ? 'vec4<f32>' : 'f32';
    const size = Math.ceil(length / 4);
    backend.run({
      key: 'dropout',
      code: () => `${DROPOUT_WGSL}\n${elementwise(isVector ? FOUR : FOUR_NUMBERS)}`,
      reads: { x: { tensor: x, as } },
      writes: { y: { tensor: y, as } },
      counts: { size, length, ...dropoutCounts(attributes) },
      numbers: dropoutNumbers(attributes),
      workgroups: spread(Math.ceil(size / WORKGROUP)),
    });
    return y;
  };
}

const dropGradient = drop('dy');

/** Kernels of `dropout` in @formers/backend. */
export const dropoutKernels: KernelTable = {
  FormersDropout: drop('x'),
  FormersDropoutGradient: (call) => [dropGradient(call) as TensorInfo],
};
