import type { TensorInfo } from '@tensorflow/tfjs-core';

import { input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** `sign` -1 turns back. */
function turn(name: string, sign: 1 | -1): Kernel {
  return ({ backend, inputs, attributes }: KernelCall<{ interleaved: boolean }>): TensorInfo => {
    const x = input({ inputs }, name);
    const cos = input({ inputs }, 'cos');
    const sin = input({ inputs }, 'sin');
    const [, heads = 1, seq = 1, headDim = 1] = x.shape;
    const [angleSets = 1, , half = 0] = cos.shape;
    const y = backend.output(x.shape);
    const size = sizeOf(x);
    if (size === 0) return y;
    const integers = [
      size / headDim,
      heads * seq,
      seq,
      headDim,
      half,
      backend.address(x),
      backend.address(y),
      backend.address(cos),
      backend.address(sin),
      angleSets === 1 ? 0 : seq * half,
      attributes.interleaved ? 1 : 0,
    ];
    backend.engine.run('rotary', integers, { floats: { 11: sign }, work: size * 2 });
    return y;
  };
}

const turnBack = turn('dy', -1);

/** Kernels of `rotary` in @formers/backend. */
export const rotaryKernels: KernelTable = {
  FormersRotary: turn('x', 1),
  FormersRotaryGradient: (call) => [turnBack(call) as TensorInfo],
};
