import { type TensorInfo, util, backend_util } from '@tensorflow/tfjs-core';

import { areFloats, input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';
import { collapse, stridesFor } from './strides.ts';

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
} as const;
const STEP = 12;
const CLIP = 13;

const MAX_AXES = 8;
const UNIT = 8192;

function binary(code: number): Kernel {
  return ({ backend, inputs }: KernelCall): TensorInfo | undefined => {
    const a = input({ inputs }, 'a');
    const b = input({ inputs }, 'b');
    if (!areFloats(a, b)) return undefined;
    const c = {
      shape: util.arraysEqual(a.shape, b.shape) ? a.shape : backend_util.assertAndGetBroadcastShape(a.shape, b.shape),
    };
    const size = sizeOf(c);
    const axes = collapse(c.shape, [stridesFor(a.shape, c.shape), stridesFor(b.shape, c.shape)]);
    const inner = axes.pop() ?? { size: 1, strides: [0, 0] };
    const [aStep = 0, bStep = 0] = inner.strides;
    if (axes.length > MAX_AXES) return undefined;
    const y = backend.output(c.shape);
    if (size === 0) return y;
    const unitRows = axes.length === 0 ? 0 : Math.max(1, Math.floor(UNIT / inner.size));
    const list = (f: (axis: (typeof axes)[number]) => number) =>
      Array.from({ length: MAX_AXES }, (_, i) => (axes[i] ? f(axes[i]) : 0));
    const integers = [
      code,
      backend.address(a),
      backend.address(b),
      backend.address(y),
      inner.size,
      aStep,
      bStep,
      axes.length,
      size / inner.size,
      unitRows,
    ];
    const outer =
      axes.length === 0
        ? []
        : [
            ...list((axis) => axis.size),
            ...list((axis) => axis.strides[0] ?? 0),
            ...list((axis) => axis.strides[1] ?? 0),
          ];
    backend.engine.run('binary', [...integers, ...outer], { work: size });
    return y;
  };
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
  ...each(BINARY, binary),
  ...each(UNARY, unary),
  Step: unary(STEP, ({ alpha = 0 }) => [alpha, 0]),
  ClipByValue: unary(CLIP, ({ clipValueMin = 0, clipValueMax = 0 }) => [clipValueMin, clipValueMax]),
  Cast: cast,
};
