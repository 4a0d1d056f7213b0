import {
  avgPool,
  conv2d,
  gather,
  maxPool,
  pad,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  unsortedSegmentSum,
} from '@tensorflow/tfjs-core';

import { type Array64, broadcastAt, forEachIndex } from './array64.ts';
import type { OpCase } from './op-case.ts';

interface Window {
  readonly input: readonly [batch: number, height: number, width: number, channels: number];
  readonly filter: readonly [height: number, width: number];
  readonly strides: readonly [number, number];
  readonly pad: 'same' | 'valid';
}

/** Output size, and how far the first window begins before the image. */
function extent(
  size: number,
  { filter, stride, pad: padding }: { filter: number; stride: number; pad: 'same' | 'valid' },
): { out: number; before: number } {
  if (padding === 'valid') return { out: Math.floor((size - filter) / stride) + 1, before: 0 };
  const out = Math.ceil(size / stride);
  return { out, before: Math.floor(Math.max(0, (out - 1) * stride + filter - size) / 2) };
}

/** Calls `f` for every output place with the image places in its window, as [y, x, filter row, filter column]. */
function forWindows(
  { input, filter, strides, pad: padding }: Window,
  f: (place: { b: number; y: number; x: number; flat: number }, inside: number[][]) => void,
): [number, number] {
  const [batch, height, width] = input;
  const rows = extent(height, { filter: filter[0], stride: strides[0], pad: padding });
  const columns = extent(width, { filter: filter[1], stride: strides[1], pad: padding });
  forEachIndex([batch, rows.out, columns.out], (indices, flat) => {
    const [b, y, x] = indices as [number, number, number];
    const inside: number[][] = [];
    forEachIndex(filter, (offsets) => {
      const [i, j] = offsets as [number, number];
      const at = [y * strides[0] - rows.before + i, x * strides[1] - columns.before + j] as const;
      if (at[0] >= 0 && at[0] < height && at[1] >= 0 && at[1] < width) inside.push([...at, i, j]);
    });
    f({ b, y, x, flat }, inside);
  });
  return [rows.out, columns.out];
}

function convolutionCase(window: Window & { readonly outChannels: number }): OpCase {
  const { input, filter, strides, pad: padding, outChannels } = window;
  const channels = input[3];
  const filterShape = [...filter, channels, outChannels];
  return {
    name: `conv2d: [${input.join()}] by [${filterShape.join()}], strides ${strides.join()}, ${padding}`,
    inputs: [{ shape: input }, { shape: filterShape }],
    op: ([x, w]) => conv2d(x as Tensor4D, w as Tensor4D, [...strides], padding),
    reference: ([x, w]) => {
      const y: number[] = [];
      forWindows(window, ({ b }, inside) => {
        for (let o = 0; o < outChannels; o++) {
          let sum = 0;
          for (const [row, column, i, j] of inside as [number, number, number, number][]) {
            for (let c = 0; c < channels; c++)
              sum += broadcastAt(x as Array64, [b, row, column, c]) * broadcastAt(w as Array64, [i, j, c, o]);
          }
          y.push(sum);
        }
      });
      return Float64Array.from(y);
    },
  };
}

function poolCase(kind: 'max' | 'avg', window: Window): OpCase {
  const { input, filter, strides, pad: padding } = window;
  const op = kind === 'max' ? maxPool : avgPool;
  return {
    name: `${kind}Pool: [${input.join()}], ${filter.join()}, strides ${strides.join()}, ${padding}`,
    // tfjs-core divides the gradient of a mean by the whole window, also where it hangs over the edge.
    inputs: [{ shape: input, differentiable: kind === 'max' || padding === 'valid' }],
    op: ([x]) => op(x as Tensor4D, [...filter], [...strides], padding),
    reference: ([x]) => {
      const y: number[] = [];
      forWindows(window, ({ b }, inside) => {
        for (let c = 0; c < input[3]; c++) {
          const values = inside.map(([row, column]) =>
            broadcastAt(x as Array64, [b, row as number, column as number, c]),
          );
          y.push(kind === 'max' ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0) / values.length);
        }
      });
      return Float64Array.from(y);
    },
  };
}

const same = { strides: [1, 1], pad: 'same' } as const;
const valid = { strides: [2, 2], pad: 'valid' } as const;

/** Convolutions and pooling with their gradients, and the kernels of tfjs that gather, scatter and pad. */
export const imageCases: readonly OpCase[] = [
  convolutionCase({ input: [2, 5, 6, 3], filter: [3, 3], outChannels: 7, ...same }),
  convolutionCase({ input: [1, 9, 7, 4], filter: [3, 2], outChannels: 17, ...valid }),
  convolutionCase({ input: [3, 8, 8, 3], filter: [4, 4], outChannels: 18, strides: [4, 4], pad: 'valid' }),
  convolutionCase({ input: [2, 4, 5, 19], filter: [1, 1], outChannels: 5, ...same }),
  convolutionCase({ input: [1, 6, 6, 1], filter: [5, 5], outChannels: 1, strides: [2, 1], pad: 'same' }),
  convolutionCase({ input: [1, 5, 5, 40], filter: [2, 2], outChannels: 3, strides: [2, 2], pad: 'same' }),
  convolutionCase({ input: [2, 9, 8, 50], filter: [3, 3], outChannels: 33, ...same }), // deeper than a pass of 384
  ...(['max', 'avg'] as const).flatMap((kind) => [
    poolCase(kind, { input: [1, 9, 4, 4], filter: [2, 3], strides: [3, 1], pad: 'valid' }),
    poolCase(kind, { input: [2, 6, 7, 5], filter: [2, 2], ...valid }),
    poolCase(kind, { input: [1, 5, 5, 37], filter: [3, 2], ...same }),
    poolCase(kind, { input: [1, 7, 7, 8], filter: [3, 3], strides: [2, 2], pad: 'same' }),
  ]),
  {
    name: 'gather along a middle axis',
    inputs: [{ shape: [3, 7, 5] }, { shape: [4], dtype: 'int32', values: [6, 0, 3, 3] }],
    op: ([x, ids]) => gather(x as Tensor, ids as Tensor1D, 1),
    reference: ([x, ids]) => {
      const y = new Float64Array(3 * 4 * 5);
      forEachIndex([3, 4, 5], (indices, flat) => {
        const [i, j, k] = indices as [number, number, number];
        y[flat] = broadcastAt(x as Array64, [i, (ids as Array64).data[j] as number, k]);
      });
      return y;
    },
  },
  {
    name: 'unsortedSegmentSum',
    inputs: [{ shape: [9, 33] }, { shape: [9], dtype: 'int32', values: [0, 4, 4, 1, 0, 4, 2, 2, 0] }],
    op: ([x, ids]) => unsortedSegmentSum(x as Tensor, ids as Tensor1D, 6),
    reference: ([x, ids]) => {
      const y = new Float64Array(6 * 33);
      forEachIndex([9, 33], (indices, flat) => {
        const at = ((ids as Array64).data[indices[0] as number] as number) * 33 + (indices[1] as number);
        y[at] = (y[at] as number) + ((x as Array64).data[flat] as number);
      });
      return y;
    },
  },
  {
    name: 'pad in the middle of every axis',
    inputs: [{ shape: [2, 3, 5] }],
    op: ([x]) => pad(x as Tensor, [[1, 0], [2, 1], [0, 3]], 7), // prettier-ignore
    reference: ([x]) => {
      const y = new Float64Array(3 * 6 * 8).fill(7);
      forEachIndex([2, 3, 5], (indices, flat) => {
        const [i, j, k] = indices as [number, number, number];
        y[((i + 1) * 6 + j + 2) * 8 + k] = (x as Array64).data[flat] as number;
      });
      return y;
    },
  },
];
