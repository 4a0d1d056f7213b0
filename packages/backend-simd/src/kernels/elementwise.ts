import type { TensorInfo } from '@tensorflow/tfjs-core';

import { broadcast } from './broadcast.ts';
import { areFloats, input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** Codes as in assembly/elementwise.ts. */
const BINARY = { Add: 0, Sub: 1, Multiply: 2, RealDiv: 3, Maximum: 4, Minimum: 5, SquaredDifference: 6 } as const;
const UNARY = {
  Neg: 0,
  Abs: 1,
  Square: 2,
  Sqrt: 3,
  Rsqrt: 4,
  Reciprocal: 5,
  Exp: 6,
  Erf: 7,
  Floor: 8,
  Ceil: 9,
  Relu6: 11,
  Round: 14,
  Sign: 15,
  Elu: 17,
  Log: 18,
  Log1p: 19,
  Expm1: 20,
  Sin: 21,
  Cos: 22,
  Softplus: 23,
} as const;
const INT_BINARY = { Add: 7, Sub: 8, Multiply: 9, Maximum: 10, Minimum: 11 } as const;
const POW = 12;
const MOD = 13;
const STEP = 12;
const CLIP = 13;
const LEAKY_RELU = 16;

/** Codes of float32 and int32 pairs; those without one are left to tfjs. */
function binary(float: number, int?: number): Kernel {
  return (call: KernelCall): TensorInfo | undefined => {
    const [a, b] = [input(call, 'a'), input(call, 'b')];
    if (areFloats(a, b)) return broadcast(call.backend, 'binary', { code: float, a, b, dtype: 'float32' });
    if (int === undefined || a.dtype !== 'int32' || b.dtype !== 'int32') return undefined;
    return broadcast(call.backend, 'binary', { code: int, a, b, dtype: 'int32' });
  };
}

/** The sum of all, in order. */
function addN({ backend, inputs }: KernelCall): TensorInfo | undefined {
  const [first, second, ...rest] = Object.values(inputs);
  if (!first || !second || !areFloats(first, second, ...rest)) return undefined;
  const y = broadcast(backend, 'binary', { code: BINARY.Add, a: first, b: second, dtype: 'float32' });
  for (const tensor of rest) {
    const size = sizeOf(tensor);
    const [at, sum] = [backend.address(tensor), y && backend.address(y)];
    backend.engine.run('binary', [BINARY.Add, sum ?? 0, at, sum ?? 0, size, 1, 1, 0, 1, 0], { work: size });
  }
  return y;
}

function unary(
  code: number,
  parameters: (attributes: Record<string, number>) => [number, number] = () => [0, 0],
): Kernel {
  return ({ backend, inputs, attributes }: KernelCall<Record<string, number>>): TensorInfo | undefined => {
    const x = input({ inputs }, 'x');
    if (!areFloats(x)) return undefined;
    const y = backend.output(x.shape);
    const size = sizeOf(x);
    const [p, q] = parameters(attributes);
    backend.engine.run('unary', [code, size, backend.address(x), backend.address(y)], {
      floats: { 4: p, 5: q },
      work: size,
    });
    return y;
  };
}

/** Dtypes that widen without loss: tfjs's own kernel only relabels the values, which have another layout in our memory. */
const WIDENS: Readonly<Record<string, readonly string[]>> = { bool: ['int32', 'float32'], int32: ['float32'] };

function cast({ backend, inputs, attributes: { dtype } }: KernelCall<{ dtype: string }>): TensorInfo | undefined {
  const x = input({ inputs }, 'x');
  if (!WIDENS[x.dtype]?.includes(dtype)) return undefined;
  const y = backend.output(x.shape, dtype as 'int32' | 'float32');
  const size = sizeOf(x);
  if (x.dtype === 'int32')
    backend.engine.run('intToFloat', [size, backend.address(x), backend.address(y)], { work: size });
  else backend.values(y).set(backend.values(x));
  return y;
}

const each = (codes: Readonly<Record<string, number>>, make: (code: number) => Kernel) =>
  Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, make(code)]));

/** Elementwise kernels of tfjs. */
export const elementwiseKernels: KernelTable = {
  ...Object.fromEntries(
    Object.entries(BINARY).map(([name, code]) => [name, binary(code, INT_BINARY[name as keyof typeof INT_BINARY])]),
  ),
  Pow: binary(POW),
  Mod: binary(MOD),
  AddN: addN,
  ...each(UNARY, unary),
  LeakyRelu: unary(LEAKY_RELU, ({ alpha = 0 }) => [alpha, 0]),
  Step: unary(STEP, ({ alpha = 0 }) => [alpha, 0]),
  ClipByValue: unary(CLIP, ({ clipValueMin = 0, clipValueMax = 0 }) => [clipValueMin, clipValueMax]),
  Cast: cast,
};
