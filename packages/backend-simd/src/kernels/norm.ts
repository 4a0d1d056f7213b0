import { createNormKernels, type NormGradient } from '@formers/backend/engine';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { asRows, fillZeros, input, type KernelCall, type KernelTable } from './kernel.ts';

/** Rows per chunk of the parameter gradients, as in assembly/norm.ts. */
const CHUNK_ROWS = 64;

/** Runs the kernel on x, or on the sum of x and a residual, which goes to `sum`. */
function normalise(
  { backend, inputs, attributes: { epsilon } }: KernelCall<{ epsilon: number }>,
  { centred, residual, sum }: { centred: boolean; residual?: TensorInfo; sum?: TensorInfo },
): TensorInfo {
  const x = input({ inputs }, 'x');
  const { rows, dim } = asRows(x);
  const y = backend.output(x.shape);
  const statistics = backend.engine.allocate(rows * 8);
  backend.attach(y, { statistics });
  const at = addressOr0(backend);
  const integers = [
    rows,
    dim,
    backend.address(x),
    at(inputs['weight']),
    at(inputs['bias']),
    backend.address(y),
    statistics,
    0,
    centred ? 1 : 0,
    at(residual),
    at(sum),
  ];
  backend.engine.run('norm', integers, { floats: { 7: epsilon }, work: rows * dim * 2 });
  return y;
}

const addressOr0 = (backend: SimdBackend) => (tensor: TensorInfo | undefined) => (tensor ? backend.address(tensor) : 0);

/** Gradients of `x`, `weight` and `bias`, those that are wanted. */
function normaliseGradient(
  backend: SimdBackend,
  wanted: readonly string[],
  { centred, x, y, dy, weight, past }: NormGradient,
): Record<string, TensorInfo> {
  const { rows, dim } = asRows(x);
  const { statistics = 0 } = backend.side(y);
  const gradients = Object.fromEntries(wanted.map((name) => [name, backend.output(name === 'x' ? x.shape : [dim])]));
  const { x: dx, weight: dWeight, bias: dBias } = gradients;
  const partial = dWeight || dBias ? backend.engine.scratch(Math.ceil(rows / CHUNK_ROWS) * dim * 8) : 0;
  if (rows === 0) for (const tensor of [dWeight, dBias]) if (tensor) fillZeros(backend, tensor);
  const at = addressOr0(backend);
  const integers = [
    ...[rows, dim, at(x), at(weight), at(dy), statistics, centred ? 1 : 0],
    ...[at(dx), partial, at(dWeight), at(dBias), at(past)],
  ];
  backend.engine.run('normGradient', integers, { work: rows * dim * 4 });
  return gradients;
}

/** Kernels of `layerNorm`, `rmsNorm`, `addLayerNorm` and `addRMSNorm` in @formers/backend. */
export const normKernels: KernelTable = createNormKernels({
  normalise,
  gradients: normaliseGradient,
  zeros: (backend, shape) => fillZeros(backend, backend.output(shape)),
});
