import type { TensorInfo } from '@tensorflow/tfjs-core';

import { asRows, fillZeros, input, type Kernel, type KernelCall, type KernelTable } from './kernel.ts';

/** Rows per chunk of the parameter gradients, as in assembly/norm.ts. */
const CHUNK_ROWS = 64;

/** `centred`: layer normalisation; else root mean square. */
function forward(centred: boolean): Kernel {
  return ({ backend, inputs, attributes: { epsilon } }: KernelCall<{ epsilon: number }>): TensorInfo => {
    const x = input({ inputs }, 'x');
    const { rows, dim } = asRows(x);
    const y = backend.output(x.shape);
    const statistics = backend.engine.allocate(rows * 8);
    backend.attach(y, { statistics });
    const { weight, bias } = inputs;
    backend.engine.run(
      'norm',
      [
        rows,
        dim,
        backend.address(x),
        weight ? backend.address(weight) : 0,
        bias ? backend.address(bias) : 0,
        backend.address(y),
        statistics,
        0,
        centred ? 1 : 0,
      ],
      { floats: { 7: epsilon }, work: rows * dim * 2 },
    );
    return y;
  };
}

function gradient(centred: boolean): Kernel {
  return ({ backend, inputs, attributes: { wanted } }: KernelCall<{ wanted: readonly string[] }>): TensorInfo[] => {
    const x = input({ inputs }, 'x');
    const { rows, dim } = asRows(x);
    const { statistics = 0 } = backend.side(input({ inputs }, 'y'));
    const gradients = Object.fromEntries(wanted.map((name) => [name, backend.output(name === 'x' ? x.shape : [dim])]));
    const { x: dx, weight: dWeight, bias: dBias } = gradients;
    const partial = dWeight || dBias ? backend.engine.scratch(Math.ceil(rows / CHUNK_ROWS) * dim * 8) : 0;
    const addresses = [dx, undefined, dWeight, dBias].map((tensor) => (tensor ? backend.address(tensor) : 0));
    addresses[1] = partial;
    if (rows === 0) for (const tensor of [dWeight, dBias]) if (tensor) fillZeros(backend, tensor);
    backend.engine.run(
      'normGradient',
      [
        rows,
        dim,
        backend.address(x),
        backend.address(input({ inputs }, 'weight')),
        backend.address(input({ inputs }, 'dy')),
        statistics,
        centred ? 1 : 0,
        ...addresses,
      ],
      { work: rows * dim * 4 },
    );
    return wanted.map((name) => gradients[name] as TensorInfo);
  };
}

/** Kernels of `layerNorm` and `rmsNorm` in @formers/backend. */
export const normKernels: KernelTable = {
  FormersLayerNorm: forward(true),
  FormersLayerNormGradient: gradient(true),
  FormersRMSNorm: forward(false),
  FormersRMSNormGradient: gradient(false),
};
