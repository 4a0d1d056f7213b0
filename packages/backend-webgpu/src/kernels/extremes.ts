import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';

import {
  entry,
  input,
  type Kernel,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  WORKGROUP_INDEX,
} from './kernel.ts';

const LANES = 64;

/** The place of the largest (smallest) number along an axis; of equal ones the first, which tfjs-backend-webgpu doesn't hold to. One workgroup for each result. */
function placeOf(name: 'argMax' | 'argMin'): Kernel {
  const better = (left: string, right: string) => `(${left} ${name === 'argMax' ? '>' : '<'} ${right})`;
  return ({ backend, inputs, attributes }: KernelCall<{ axis: number | number[] }>): TensorInfo | undefined => {
    const x = input({ inputs }, 'x');
    if (x.dtype !== 'float32' && x.dtype !== 'int32') return undefined;
    const [axis = 0] = util.parseAxisParam(attributes.axis, x.shape);
    const size = x.shape[axis] ?? 0;
    const inner = sizeOf({ shape: x.shape.slice(axis + 1) });
    const places = backend.output(x.shape.toSpliced(axis, 1), 'int32');
    const results = sizeOf(places);
    if (results === 0 || size === 0) return places;
    backend.run({
      key: name,
      code: () => `
var<workgroup> best: array<${x.dtype === 'float32' ? 'f32' : 'i32'}, ${LANES}>;
var<workgroup> at: array<u32, ${LANES}>;
${entry(LANES)}
  let result = ${WORKGROUP_INDEX};
  if (result >= u.results) { return; }
  let start = result / u.inner * u.inner * u.size + result % u.inner;
  var place = min(lane, u.size - 1u);
  var value = x[start + place * u.inner];
  for (var i = lane + ${LANES}u; i < u.size; i += ${LANES}u) {
    let other = x[start + i * u.inner];
    if ${better('other', 'value')} { value = other; place = i; }
  }
  best[lane] = value;
  at[lane] = place;
  for (var step = ${LANES / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let other = best[lane + step];
      if (${better('other', 'best[lane]')} || (other == best[lane] && at[lane + step] < at[lane])) {
        best[lane] = other;
        at[lane] = at[lane + step];
      }
    }
  }
  if (lane == 0u) { places[result] = i32(at[0]); }
}`,
      ...{ reads: { x }, writes: { places } },
      counts: { results, size, inner },
      workgroups: spread(results),
    });
    return places;
  };
}

interface PoolAttributes {
  readonly filterSize: [number, number] | number;
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** Gradient of max pooling: each window's goes to the first of its largest numbers. One thread for each number of the image. */
function maxPoolGradient({ backend, inputs, attributes }: KernelCall<PoolAttributes>): TensorInfo {
  const [x, dy] = [input({ inputs }, 'input'), input({ inputs }, 'dy')];
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  const shape = x.shape as [number, number, number, number];
  const info = backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  const dx = backend.output(shape);
  const size = sizeOf(dx);
  if (size === 0) return dx;
  backend.run({
    key: 'maxPoolGradient',
    code: () => `
${entry(LANES)}
  let index = ${WORKGROUP_INDEX} * ${LANES}u + lane;
  if (index >= u.size) { return; }
  let channel = index % u.channels;
  let column = i32(index / u.channels % u.width);
  let row = i32(index / (u.channels * u.width) % u.height);
  let image = index / (u.channels * u.width * u.height);
  let value = x[index];
  var sum = 0.0;
  for (var i = 0u; i < u.outHeight; i++) {
    let top = i32(i * u.strideHeight) - i32(u.padTop);
    if (row < top || row >= top + i32(u.filterHeight)) { continue; }
    for (var j = 0u; j < u.outWidth; j++) {
      let left = i32(j * u.strideWidth) - i32(u.padLeft);
      if (column < left || column >= left + i32(u.filterWidth)) { continue; }
      var isFirst = true;
      for (var r = max(top, 0); r < min(top + i32(u.filterHeight), i32(u.height)); r++) {
        for (var c = max(left, 0); c < min(left + i32(u.filterWidth), i32(u.width)); c++) {
          let other = x[((image * u.height + u32(r)) * u.width + u32(c)) * u.channels + channel];
          let isBefore = r < row || (r == row && c < column);
          if (other > value || (isBefore && other == value)) { isFirst = false; }
        }
      }
      if (isFirst) { sum += dy[((image * u.outHeight + i) * u.outWidth + j) * u.channels + channel]; }
    }
  }
  dx[index] = sum;
}`,
    ...{ reads: { x, dy }, writes: { dx } },
    counts: {
      ...{ size, height: info.inHeight, width: info.inWidth, channels: info.inChannels },
      ...{ outHeight: info.outHeight, outWidth: info.outWidth, padTop: info.padInfo.top, padLeft: info.padInfo.left },
      ...{ strideHeight: info.strideHeight, strideWidth: info.strideWidth },
      ...{ filterHeight: info.filterHeight, filterWidth: info.filterWidth },
    },
    workgroups: spread(Math.ceil(size / LANES)),
  });
  return dx;
}

/** Kernels of tfjs-backend-webgpu that choose any of equal numbers. */
export const extremeKernels: KernelTable = {
  ArgMax: placeOf('argMax'),
  ArgMin: placeOf('argMin'),
  MaxPoolGrad: maxPoolGradient,
};
