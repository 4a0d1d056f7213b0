import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';

import { input, type KernelCall, type KernelTable, sizeOf, zeros } from './kernel.ts';
import type { Product } from './product/problem.ts';
import { multiply } from './product/product.ts';

interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

type BatchAxes = [number, number, number, number];

/** `a · b` over the last two axes, the others (four at most) broadcast; undefined for what isn't float32. */
function product(
  { backend, inputs, attributes: { transposeA, transposeB } }: KernelCall<MatMulAttributes>,
  epilogue: Pick<Product, 'bias' | 'activation'> = {},
): TensorInfo | undefined {
  const [a, b] = [input({ inputs }, 'a'), input({ inputs }, 'b')];
  if ([a, b].some(({ dtype, shape }) => dtype !== 'float32' || shape.length < 2 || shape.length > 6)) return undefined;
  const [aHeight = 1, aWidth = 1] = a.shape.slice(-2);
  const [bHeight = 1, bWidth = 1] = b.shape.slice(-2);
  const [rows, depth] = transposeA ? [aWidth, aHeight] : [aHeight, aWidth];
  const [inner, columns] = transposeB ? [bWidth, bHeight] : [bHeight, bWidth];
  if (depth !== inner)
    throw new Error(
      `Error in matMul: inner shapes (${depth}) and (${inner}) of Tensors with shapes ${a.shape} and ${b.shape} and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
    );
  const [aBatch, bBatch] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batch = backend_util.assertAndGetBroadcastShape(aBatch, bBatch);
  const shape = [...batch, rows, columns];
  if (depth === 0 || sizeOf({ shape }) === 0) return depth === 0 && epilogue.bias ? undefined : zeros(backend, shape);
  const c = backend.output(shape);
  // Weights that a batch shares: one product of all rows.
  const isOne = sizeOf({ shape: bBatch }) === 1 && !transposeA;
  multiply(backend, {
    ...(isOne ? { rows: sizeOf(c) / columns } : { rows, batch: padded(batch) }),
    ...{ columns, depth },
    a: { tensor: a, transposed: transposeA, strides: isOne ? [0, 0, 0, 0] : strides(aBatch, aHeight * aWidth) },
    b: { tensor: b, transposed: transposeB, strides: isOne ? [0, 0, 0, 0] : strides(bBatch, bHeight * bWidth) },
    ...{ c: { tensor: c }, ...epilogue },
  });
  return c;
}

const padded = (shape: readonly number[]): BatchAxes =>
  [...Array.from({ length: 4 - shape.length }, () => 1), ...shape] as BatchAxes;

/** Elements between neighbours along each batch axis; 0 along those that are repeated. */
function strides(shape: readonly number[], matrix: number): BatchAxes {
  let stride = matrix;
  return padded(shape)
    .toReversed()
    .map((size) => {
      const own = size === 1 ? 0 : stride;
      stride *= size;
      return own;
    })
    .toReversed() as BatchAxes;
}

function fusedMatMul(call: KernelCall<MatMulAttributes & { activation?: string }>): TensorInfo | undefined {
  const { bias } = call.inputs;
  const { activation = 'linear', transposeB } = call.attributes;
  const columns = input(call, 'b').shape.at(transposeB ? -2 : -1) ?? 0;
  if (activation !== 'linear' && activation !== 'relu' && activation !== 'sigmoid') return undefined;
  if (bias && (bias.dtype !== 'float32' || sizeOf(bias) !== columns || bias.shape.at(-1) !== columns)) return undefined;
  return product(call, { bias, activation: activation === 'linear' ? undefined : activation });
}

/** Matrix products of tfjs. */
export const matrixKernels: KernelTable = {
  BatchMatMul: (call: KernelCall<MatMulAttributes>) => product(call),
  _FusedMatMul: fusedMatMul,
};
