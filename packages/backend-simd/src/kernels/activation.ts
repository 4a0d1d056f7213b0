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

type GatedCall = KernelCall<{ activation: FusedActivation; wanted: readonly string[] }>;

function gated({ backend, inputs, attributes: { activation } }: GatedCall): TensorInfo {
  const [gate, up] = [input({ inputs }, 'gate'), input({ inputs }, 'up')];
  const y = backend.output(gate.shape);
  const size = sizeOf(gate);
  const addresses = [gate, up, y].map((tensor) => backend.address(tensor));
  backend.engine.run('gated', [activationCode(activation), size, ...addresses], { work: size * 5 });
  return y;
}

function gatedGradient({ backend, inputs, attributes: { activation, wanted } }: GatedCall): TensorInfo[] {
  const [gate, up, dy] = ['gate', 'up', 'dy'].map((name) => input({ inputs }, name)) as [
    TensorInfo,
    TensorInfo,
    TensorInfo,
  ];
  const gradients = wanted.map(() => backend.output(gate.shape));
  const size = sizeOf(gate);
  const addresses = [gate, up, dy, gradients[wanted.indexOf('gate')], gradients[wanted.indexOf('up')]].map((tensor) =>
    tensor ? backend.address(tensor) : 0,
  );
  backend.engine.run('gatedGradient', [activationCode(activation), size, ...addresses], { work: size * 10 });
  return gradients;
}

/** Kernels of the activations of @formers/backend and of tfjs. */
export const activationKernels: KernelTable = {
  FormersGelu: forward(CODES.gelu, 'x'),
  FormersGeluGradient: gradient(CODES.gelu),
  FormersGeluTanh: forward(CODES.geluTanh, 'x'),
  FormersGeluTanhGradient: gradient(CODES.geluTanh),
  FormersSilu: forward(CODES.silu, 'x'),
  FormersSiluGradient: gradient(CODES.silu),
  FormersGated: gated,
  FormersGatedGradient: gatedGradient,
  Relu: forward(CODES.relu, 'x'),
  Tanh: forward(CODES.tanh, 'x'),
  Sigmoid: forward(CODES.sigmoid, 'x'),
};
