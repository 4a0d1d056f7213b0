import { addLayerNorm, addRMSNorm, type SumAndNorm } from '@formers/backend';
import { concat, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core';

import type { Array64 } from './array64.ts';
import type { OpCase } from './op-case.ts';

/** Which of the two outputs a model goes on with. */
type Used = 'both' | 'sum' | 'norm';

function addNormCase(
  kind: 'addLayerNorm' | 'addRMSNorm',
  { rows, dim, bias = true, used = 'both' }: { rows: number; dim: number; bias?: boolean; used?: Used },
): OpCase {
  const withBias = bias && kind === 'addLayerNorm';
  const pick = <T>({ sum, norm }: { sum: T; norm: T }): T[] =>
    used === 'both' ? [sum, norm] : [used === 'sum' ? sum : norm];
  return {
    name: `${kind}: [${rows}, ${dim}]${bias ? '' : ', no bias'}, ${used}`,
    inputs: [
      {
        shape: [rows, dim],
        values: Float32Array.from({ length: rows * dim }, (_, i) => Math.sin(i * 1.7) * (1 + (i % 3))),
      },
      { shape: [rows, dim] },
      { shape: [dim] },
      ...(withBias ? [{ shape: [dim] }] : []),
    ],
    op: ([x, residual, weight, b]) => {
      const options = { residual: residual as Tensor, weight: weight as Tensor1D };
      const results: SumAndNorm<Tensor> =
        kind === 'addLayerNorm'
          ? addLayerNorm(x as Tensor, { ...options, bias: b as Tensor1D | undefined })
          : addRMSNorm(x as Tensor, options);
      return concat(pick(results), 0);
    },
    reference: ([x, residual, weight, b]) => {
      const sum = (x as Array64).data.map((value, i) => value + ((residual as Array64).data[i] as number));
      const norm = new Float64Array(rows * dim);
      for (let row = 0; row < rows; row++) {
        const values = sum.subarray(row * dim, (row + 1) * dim);
        const centre = kind === 'addLayerNorm' ? values.reduce((total, value) => total + value, 0) / dim : 0;
        const variance = values.reduce((total, value) => total + (value - centre) ** 2, 0) / dim;
        const factor = 1 / Math.sqrt(variance + (kind === 'addLayerNorm' ? 1e-5 : 1e-6));
        values.forEach((value, i) => {
          norm[row * dim + i] = (value - centre) * factor * ((weight as Array64).data[i] as number) + (b?.data[i] ?? 0);
        });
      }
      return Float64Array.from(pick({ sum, norm }).flatMap((values) => [...values]));
    },
  };
}

/** The residual add with its norm: widths around those of vectors, more rows than a chunk, each output alone. */
export const addNormCases: readonly OpCase[] = [
  ...[3, 7, 8, 9, 197].map((dim) => addNormCase('addLayerNorm', { rows: 5, dim })),
  addNormCase('addLayerNorm', { rows: 197, dim: 33 }),
  addNormCase('addLayerNorm', { rows: 3, dim: 24, bias: false }),
  addNormCase('addLayerNorm', { rows: 6, dim: 17, used: 'norm' }),
  addNormCase('addLayerNorm', { rows: 6, dim: 17, used: 'sum' }),
  ...[2, 8, 9, 64].map((dim) => addNormCase('addRMSNorm', { rows: 70, dim })),
  addNormCase('addRMSNorm', { rows: 6, dim: 17, used: 'norm' }),
];
