import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { asRows, fillZeros, input, type Kernel, type KernelCall, type KernelTable } from './kernel.ts';

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

/** `centred`: layer normalisation; else root mean square. */
function forward(centred: boolean): Kernel {
  return (call: KernelCall<{ epsilon: number }>): TensorInfo => normalise(call, { centred });
}

function addForward(centred: boolean): Kernel {
  return (call: KernelCall<{ epsilon: number }>): TensorInfo[] => {
    const sum = call.backend.output(input(call, 'x').shape);
    return [sum, normalise(call, { centred, residual: input(call, 'residual'), sum })];
  };
}

/** What the gradient kernel reads and writes. */
interface NormGradient {
  readonly centred: boolean;
  readonly x: TensorInfo;
  /** The output that the statistics hang on. */
  readonly y: TensorInfo;
  readonly dy: TensorInfo;
  readonly weight: TensorInfo;
  /** The gradient of x itself, if it goes on past the norm. */
  readonly past?: TensorInfo | undefined;
}

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

type GradientCall = KernelCall<{ wanted: readonly string[] }>;

function gradient(centred: boolean): Kernel {
  return (call: GradientCall): TensorInfo[] => {
    const [x, y, dy, weight] = ['x', 'y', 'dy', 'weight'].map((name) => input(call, name)) as Tensors;
    const { wanted } = call.attributes;
    const gradients = normaliseGradient(call.backend, wanted, { centred, x, y, dy, weight });
    return wanted.map((name) => gradients[name] as TensorInfo);
  };
}

type Tensors = [TensorInfo, TensorInfo, TensorInfo, TensorInfo];

/** x and the residual have one gradient: that of the norm and that of the sum together. */
function addGradient(centred: boolean): Kernel {
  return (call: GradientCall): TensorInfo[] => {
    const { backend, inputs } = call;
    const { wanted } = call.attributes;
    const { dy0: past, dy1: dy } = inputs;
    const [x, y, weight] = ['y0', 'y1', 'weight'].map((name) => input(call, name)) as Tensors;
    const summands = wanted.filter((name) => name === 'x' || name === 'residual');
    const parameters = wanted.filter((name) => name === 'weight' || name === 'bias');
    const gradients: Record<string, TensorInfo> = dy
      ? normaliseGradient(backend, [...(summands.length > 0 ? ['x'] : []), ...parameters], {
          ...{ centred, x, y, dy, weight, past },
        })
      : Object.fromEntries([
          ['x', backend.alias(past as TensorInfo)],
          ...parameters.map((name) => [name, fillZeros(backend, backend.output(weight.shape))]),
        ]);
    const dx = gradients['x'];
    return wanted.map((name) => {
      if (name !== 'x' && name !== 'residual') return gradients[name] as TensorInfo;
      return name === summands[0] ? (dx as TensorInfo) : backend.alias(dx as TensorInfo);
    });
  };
}

/** Kernels of `layerNorm`, `rmsNorm`, `addLayerNorm` and `addRMSNorm` in @formers/backend. */
export const normKernels: KernelTable = {
  FormersLayerNorm: forward(true),
  FormersLayerNormGradient: gradient(true),
  FormersRMSNorm: forward(false),
  FormersRMSNormGradient: gradient(false),
  FormersAddLayerNorm: addForward(true),
  FormersAddLayerNormGradient: addGradient(true),
  FormersAddRMSNorm: addForward(false),
  FormersAddRMSNormGradient: addGradient(false),
};
