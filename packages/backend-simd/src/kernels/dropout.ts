import type { RandomKey } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import { input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** Rate and key of a dropout. */
export interface Dropout {
  readonly rate: number;
  readonly key: RandomKey;
}

/** Threshold of the 24 random bits below which a value is dropped, and the key as int32; all 0 without dropout. */
export function dropoutNumbers(dropout: Dropout | undefined): [threshold: number, key0: number, key1: number] {
  return dropout ? [Math.ceil(dropout.rate * 2 ** 24), dropout.key[0] | 0, dropout.key[1] | 0] : [0, 0, 0];
}

/** Elements per chunk, as in assembly/random.ts, and room for one more block. */
const SCRATCH_BYTES = (8192 + 16) * 4;

function drop(name: string): Kernel {
  return ({ backend, inputs, attributes }: KernelCall<Dropout>): TensorInfo => {
    const { engine } = backend;
    const x = input({ inputs }, name);
    const y = backend.output(x.shape);
    const [threshold, key0, key1] = dropoutNumbers(attributes);
    const size = sizeOf(x);
    const integers = [
      size,
      backend.address(x),
      backend.address(y),
      key0,
      key1,
      threshold,
      0,
      ...engine.threadScratch(SCRATCH_BYTES),
    ];
    engine.run('dropout', integers, { floats: { 6: 1 / (1 - attributes.rate) }, work: size * 8 });
    return y;
  };
}

const dropGradient = drop('dy');

/** Kernels of `dropout` in @formers/backend. */
export const dropoutKernels: KernelTable = {
  FormersDropout: drop('x'),
  FormersDropoutGradient: (call) => [dropGradient(call) as TensorInfo],
};
