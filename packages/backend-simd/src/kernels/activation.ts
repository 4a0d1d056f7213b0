import type { FusedActivation } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import { areFloats, input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** As in assembly/activation.ts. */
const CODES = { relu: 1, gelu: 2, geluTanh: 3, silu: 4, tanh: 5, sigmoid: 6 } as const;

/** The number by which kernels know an activation; 0 = none. */
export function activationCode(activation: FusedActivation | 'sigmoid' | undefined): number {
  return activation === undefined ? 0 : CODES[activation];
}

/** An activation on the input of this name. */
function forward(code: number, name: string): Kernel {
  return ({ backend, inputs }: KernelCall): TensorInfo | undefined => {
    const x = input({ inputs }, name);
    if (!areFloats(x)) return undefined;
    const y = backend.output(x.shape);
    const size = sizeOf(x);
    backend.engine.run('activation', [code, size, backend.address(x), backend.address(y)], { work: size * 4 });
    return y;
  };
}

function gradient(code: number): Kernel {
  return ({ backend, inputs }: KernelCall): TensorInfo[] => {
    const x = input({ inputs }, 'x');
    const dx = backend.output(x.shape);
    const size = sizeOf(x);
    backend.engine.run(
      'activationGradient',
      [code, size, backend.address(x), backend.address(input({ inputs }, 'dy')), backend.address(dx)],
      { work: size * 4 },
    );
    return [dx];
  };
}

/** Kernels of the activations of @formers/backend and of tfjs. */
export const activationKernels: KernelTable = {
  FormersGelu: forward(CODES.gelu, 'x'),
  FormersGeluGradient: gradient(CODES.gelu),
  FormersGeluTanh: forward(CODES.geluTanh, 'x'),
  FormersGeluTanhGradient: gradient(CODES.geluTanh),
  FormersSilu: forward(CODES.silu, 'x'),
  FormersSiluGradient: gradient(CODES.silu),
  Relu: forward(CODES.relu, 'x'),
  Tanh: forward(CODES.tanh, 'x'),
  Sigmoid: forward(CODES.sigmoid, 'x'),
};
