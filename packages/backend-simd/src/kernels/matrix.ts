import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { multiply, multiplyMany } from '../engine/matrix-product.ts';
import { areFloats, fillZeros, input, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';
import { stridesFor } from './strides.ts';

interface MatMulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** What the fused product adds while it writes. */
interface Epilogue {
  readonly bias?: number;
  readonly activation?: number;
}

/** `a · b` over the last two axes, the others broadcast. */
function product(
  backend: SimdBackend,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB, ...epilogue }: MatMulAttributes & Epilogue,
): TensorInfo {
  const { engine } = backend;
  const [aRows = 1, aColumns = 1] = a.shape.slice(-2);
  const [bRows = 1, bColumns = 1] = b.shape.slice(-2);
  const rows = transposeA ? aColumns : aRows;
  const depth = transposeA ? aRows : aColumns;
  const columns = transposeB ? bRows : bColumns;
  const aBatch = a.shape.slice(0, -2);
  const bBatch = b.shape.slice(0, -2);
  const batch = backend_util.assertAndGetBroadcastShape(aBatch, bBatch);
  if (depth !== (transposeB ? bColumns : bRows)) {
    throw new Error(
      `Error in matMul: inner shapes (${depth}) and (${transposeB ? bColumns : bRows}) of Tensors with shapes ${a.shape} and ${b.shape} and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
    );
  }
  const c = backend.output([...batch, rows, columns]);
  if (depth === 0 || sizeOf(c) === 0) return fillZeros(backend, c);
  const count = batch.reduce((total, size) => total * size, 1);
  const aOffsets = offsets(aBatch, batch, aRows * aColumns);
  const bOffsets = offsets(bBatch, batch, bRows * bColumns);
  const shape = {
    rows,
    columns,
    depth,
    a: { address: backend.address(a), stride: aColumns, transposed: transposeA },
    b: { address: backend.address(b), stride: bColumns, transposed: transposeB },
    c: { address: backend.address(c), stride: columns },
  };
  const preActivation = epilogue.activation ? engine.allocate(rows * columns * 4) : 0;
  const at = (base: number, elements: number) => base + elements * 4;
  if (
    count > 1 &&
    !epilogue.bias &&
    !epilogue.activation &&
    (count >= 4 * engine.threads || rows * columns * depth < 65536)
  ) {
    multiplyMany(engine, shape, {
      a: aOffsets.map((offset) => at(shape.a.address, offset)),
      b: bOffsets.map((offset) => at(shape.b.address, offset)),
      c: aOffsets.map((_, i) => at(shape.c.address, i * rows * columns)),
    });
  } else {
    for (let i = 0; i < count; i++) {
      multiply(engine, {
        ...shape,
        ...epilogue,
        preActivation,
        a: { ...shape.a, address: at(shape.a.address, aOffsets[i] as number) },
        b: { ...shape.b, address: at(shape.b.address, bOffsets[i] as number) },
        c: { ...shape.c, address: at(shape.c.address, i * rows * columns) },
      });
    }
  }
  if (preActivation) engine.free(preActivation);
  return c;
}

/** Where each matrix of a broadcast batch begins, in elements. */
function offsets(shape: readonly number[], batch: readonly number[], matrix: number): number[] {
  const strides = stridesFor(shape, batch);
  let all = [0];
  batch.forEach((size, axis) => {
    all = all.flatMap((offset) => Array.from({ length: size }, (_, i) => offset + i * (strides[axis] as number)));
  });
  return all.map((offset) => offset * matrix);
}

function batchMatMul({ backend, inputs, attributes }: KernelCall<MatMulAttributes>): TensorInfo | undefined {
  const a = input({ inputs }, 'a');
  const b = input({ inputs }, 'b');
  if (!areFloats(a, b) || a.shape.length < 2 || b.shape.length < 2) return undefined;
  return product(backend, a, b, { transposeA: attributes.transposeA, transposeB: attributes.transposeB });
}

const FUSED_ACTIVATIONS: Readonly<Record<string, number>> = { linear: 0, relu: 1, sigmoid: 6 };

function fusedMatMul({
  backend,
  inputs,
  attributes,
}: KernelCall<MatMulAttributes & { activation?: string }>): TensorInfo | undefined {
  const a = input({ inputs }, 'a');
  const b = input({ inputs }, 'b');
  const { bias } = inputs;
  const { transposeA, transposeB, activation = 'linear' } = attributes;
  const code = FUSED_ACTIVATIONS[activation];
  const columns = b.shape.at(transposeB ? -2 : -1) ?? 0;
  if (
    code === undefined ||
    !areFloats(a, b, bias) ||
    a.shape.length < 2 ||
    b.shape.length < 2 ||
    (bias && (sizeOf(bias) !== columns || bias.shape.at(-1) !== columns))
  )
    return undefined;
  return product(backend, a, b, { transposeA, transposeB, bias: bias ? backend.address(bias) : 0, activation: code });
}

/** Matrix products of tfjs. */
export const matrixKernels: KernelTable = { BatchMatMul: batchMatMul, _FusedMatMul: fusedMatMul };
