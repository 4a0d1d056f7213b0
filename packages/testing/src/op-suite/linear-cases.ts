import { type FusedActivation, gated, gelu, geluTanh, layerNorm, linear, rmsNorm, silu } from '@formers/backend';
import { matMul, relu, type Tensor, type Tensor1D, type Tensor2D, tanh } from '@tensorflow/tfjs-core';

import { activations64, type Array64, broadcastAt, forEachIndex, multiply64 } from './array64.ts';
import type { OpCase } from './op-case.ts';

interface LinearCase {
  readonly rows: number;
  readonly inDim: number;
  readonly outDim: number;
  readonly bias?: boolean;
  readonly residual?: boolean;
  readonly activation?: FusedActivation;
}

/** A case of `linear`. */
export function linearCase({ rows, inDim, outDim, bias = false, residual = false, activation }: LinearCase): OpCase {
  const extras = [...(bias ? [{ shape: [outDim] }] : []), ...(residual ? [{ shape: [rows, outDim] }] : [])];
  const pick = <T>(list: readonly T[]) => ({
    bias: bias ? list[2] : undefined,
    residual: residual ? list.at(-1) : undefined,
  });
  return {
    work: rows * inDim * outDim,
    name: `linear: [${rows}, ${inDim}] to ${outDim}${bias ? ', bias' : ''}${activation ? `, ${activation}` : ''}${residual ? ', residual' : ''}`,
    inputs: [{ shape: [rows, inDim] }, { shape: [outDim, inDim] }, ...extras],
    op: (tensors) => {
      const { bias: b, residual: r } = pick(tensors);
      return linear(tensors[0] as Tensor, tensors[1] as Tensor2D, {
        bias: b as Tensor1D | undefined,
        residual: r,
        activation,
      });
    },
    reference: (arrays) => {
      const { bias: b, residual: r } = pick(arrays);
      const y = multiply64((arrays[0] as Array64).data, (arrays[1] as Array64).data, {
        rows,
        columns: outDim,
        depth: inDim,
        transposeB: true,
      });
      const f = activation ? activations64[activation] : (x: number) => x;
      return y.map((value, i) => f(value + (b?.data[i % outDim] ?? 0)) + (r?.data[i] ?? 0));
    },
  };
}

interface MatMulCase {
  readonly batchA?: readonly number[];
  readonly batchB?: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** A case of `matMul`. */
export function matMulCase({
  batchA = [],
  batchB = batchA,
  rows,
  columns,
  depth,
  transposeA = false,
  transposeB = false,
}: MatMulCase): OpCase {
  const a = [...batchA, ...(transposeA ? [depth, rows] : [rows, depth])];
  const b = [...batchB, ...(transposeB ? [columns, depth] : [depth, columns])];
  return {
    work: batchA.reduce((count, size) => count * size, rows * columns * depth),
    name: `matMul: [${a.join()}]${transposeA ? 'ᵀ' : ''} · [${b.join()}]${transposeB ? 'ᵀ' : ''}`,
    inputs: [a, b].map((shape) => ({ shape, differentiable: batchA.join() === batchB.join() })), // tfjs-core doesn't sum the gradient of what it broadcast
    op: ([x, y]) => matMul(x as Tensor2D, y as Tensor2D, transposeA, transposeB),
    reference: ([x, y]) => {
      const rank = Math.max(batchA.length, batchB.length);
      const batch = Array.from({ length: rank }, (_, i) =>
        Math.max(batchA.at(i - rank) ?? 1, batchB.at(i - rank) ?? 1),
      );
      const products: number[] = [];
      forEachIndex(batch, (indices) => {
        const part = (array: Array64, own: readonly number[], size: number) => {
          const number = broadcastAt(
            { shape: own, data: Float64Array.from({ length: array.data.length / size }, (_, i) => i) },
            indices,
          );
          return array.data.subarray(number * size, (number + 1) * size);
        };
        products.push(
          ...multiply64(part(x as Array64, batchA, rows * depth), part(y as Array64, batchB, depth * columns), {
            rows,
            columns,
            depth,
            transposeA,
            transposeB,
          }),
        );
      });
      return Float64Array.from(products);
    },
  };
}

function unaryCase(name: keyof typeof activations64, op: (x: Tensor) => Tensor): OpCase {
  return {
    name,
    inputs: [{ shape: [3, 197], values: Float32Array.from({ length: 591 }, (_, i) => (i - 295.3) / 30) }],
    op: ([x]) => op(x as Tensor),
    reference: ([x]) => (x as Array64).data.map(activations64[name]),
  };
}

/** A case of `gated`. */
export function gatedCase(activation: FusedActivation, shape: readonly number[]): OpCase {
  return {
    name: `gated by ${activation}: [${shape.join()}]`,
    inputs: [{ shape }, { shape }],
    op: ([gate, up]) => gated(gate as Tensor, { up: up as Tensor, activation }),
    reference: ([gate, up]) =>
      (gate as Array64).data.map((value, i) => activations64[activation](value) * ((up as Array64).data[i] as number)),
  };
}

function normCase(
  kind: 'layerNorm' | 'rmsNorm',
  { rows, dim, bias = true, mean = 0 }: { rows: number; dim: number; bias?: boolean; mean?: number },
): OpCase {
  const withBias = bias && kind === 'layerNorm';
  return {
    name: `${kind}: [${rows}, ${dim}]${kind === 'layerNorm' && !bias ? ', no bias' : ''}${mean ? `, mean ${mean}` : ''}`,
    inputs: [
      {
        shape: [rows, dim],
        values: Float32Array.from({ length: rows * dim }, (_, i) => mean + Math.sin(i * 1.7) * (1 + (i % 3))),
      },
      { shape: [dim] },
      ...(withBias ? [{ shape: [dim] }] : []),
    ],
    op: ([x, weight, b]) =>
      kind === 'layerNorm'
        ? layerNorm(x as Tensor, { weight: weight as Tensor1D, bias: b as Tensor1D | undefined })
        : rmsNorm(x as Tensor, { weight: weight as Tensor1D }),
    reference: ([x, weight, b]) => {
      const y = new Float64Array(rows * dim);
      for (let row = 0; row < rows; row++) {
        const values = (x as Array64).data.subarray(row * dim, (row + 1) * dim);
        const centre = kind === 'layerNorm' ? values.reduce((sum, value) => sum + value, 0) / dim : 0;
        const variance = values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / dim;
        const factor = 1 / Math.sqrt(variance + (kind === 'layerNorm' ? 1e-5 : 1e-6));
        values.forEach((value, i) => {
          y[row * dim + i] = (value - centre) * factor * ((weight as Array64).data[i] as number) + (b?.data[i] ?? 0);
        });
      }
      return y;
    },
    tolerance: mean ? 1e-4 : 1e-5,
  };
}

const activationNames = ['relu', 'gelu', 'geluTanh', 'silu', 'tanh'] as const;

/** Matrix products, plain and in `linear`; activations; norms. Sizes around those of the tiles: 6 x 16 (eight rows: twice 4 x 16), 6 x 8, passes of 384. */
export const linearCases: readonly OpCase[] = [
  ...[1, 3, 4, 5, 6, 7, 8, 13].map((rows) => linearCase({ rows, inDim: 9, outDim: 17, bias: true })),
  ...[1, 7, 8, 15, 16, 31, 33].map((outDim) => linearCase({ rows: 6, inDim: 5, outDim })),
  ...[1, 2, 3, 383, 384, 385, 800].map((inDim) =>
    linearCase({ rows: 5, inDim, outDim: 18, bias: true, residual: true }),
  ),
  linearCase({ rows: 197, inDim: 197, outDim: 197, bias: true }),
  ...activationNames.flatMap((activation) => [
    linearCase({ rows: 9, inDim: 21, outDim: 35, bias: true, activation }),
    linearCase({ rows: 5, inDim: 4, outDim: 8, activation, residual: true }),
  ]),
  ...[false, true].flatMap((transposeA) =>
    [false, true].flatMap((transposeB) => [
      matMulCase({ rows: 13, columns: 21, depth: 7, transposeA, transposeB }),
      matMulCase({ rows: 65, columns: 130, depth: 197, transposeA, transposeB }),
      matMulCase({ batchA: [3], rows: 5, columns: 17, depth: 9, transposeA, transposeB }),
      matMulCase({ batchA: [2, 3], batchB: [3], rows: 4, columns: 6, depth: 5, transposeA, transposeB }),
      matMulCase({ batchA: [9], rows: 31, columns: 18, depth: 401, transposeA, transposeB }),
    ]),
  ),
  matMulCase({ batchA: [1], batchB: [4], rows: 3, columns: 3, depth: 3 }),
  ...activationNames.map((activation) => gatedCase(activation, [3, 5, 9])),
  gatedCase('silu', [1]),
  gatedCase('gelu', [21, 197]),
  unaryCase('relu', relu),
  unaryCase('tanh', tanh),
  unaryCase('gelu', gelu),
  unaryCase('geluTanh', geluTanh),
  unaryCase('silu', silu),
  ...[3, 7, 8, 9, 64, 197].map((dim) => normCase('layerNorm', { rows: 5, dim })),
  normCase('layerNorm', { rows: 197, dim: 33 }),
  normCase('layerNorm', { rows: 1, dim: 24, bias: false }),
  normCase('layerNorm', { rows: 7, dim: 40, mean: 50 }),
  ...[1, 8, 9, 64].map((dim) => normCase('rmsNorm', { rows: 70, dim })),
];
