import { backend_util, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { input, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';
import { gather, isWide, movementKernels } from './movement.ts';

/** Whether values lie in our memory. */
const isNumeric = ({ dtype }: TensorInfo) => dtype === 'float32' || dtype === 'int32' || dtype === 'bool';

/** Strides of a contiguous shape, also of axes of size 1. */
function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => sizeOf({ shape: shape.slice(axis + 1) }));
}

function identity(call: KernelCall): TensorInfo | undefined {
  const x = input(call, 'x');
  return isNumeric(x) ? call.backend.alias(x) : undefined;
}

function reshape(call: KernelCall<{ shape: number[] }>): TensorInfo | undefined {
  const x = input(call, 'x');
  const shape = util.inferFromImplicitShape(call.attributes.shape, sizeOf(x));
  return isNumeric(x) && sizeOf({ shape }) === sizeOf(x) ? call.backend.alias(x, shape) : undefined;
}

function expandDims(call: KernelCall<{ dim: number }>): TensorInfo | undefined {
  const x = input({ inputs: call.inputs }, 'input');
  const { dim } = call.attributes;
  const axis = dim < 0 ? x.shape.length + dim + 1 : dim;
  return isNumeric(x) && axis >= 0 && axis <= x.shape.length
    ? call.backend.alias(x, x.shape.toSpliced(axis, 0, 1))
    : undefined;
}

function pack({ backend, inputs, attributes: { axis } }: KernelCall<{ axis: number }>): TensorInfo | undefined {
  const tensors = Object.values(inputs);
  const first = tensors[0];
  if (!first || !tensors.every(({ shape }) => util.arraysEqual(shape, first.shape))) return undefined;
  const wider = tensors.map((tensor) => ({ ...tensor, shape: tensor.shape.toSpliced(axis, 0, 1) }));
  const call = { backend, inputs: Object.fromEntries(wider.entries()) as never, attributes: { axis } as never };
  return movementKernels['Concat']?.(call) as TensorInfo | undefined;
}

/** Parts of x along an axis, one after the other; `shapeOf` gives the shape of a part of some size. */
function parts(
  backend: SimdBackend,
  x: TensorInfo,
  { axis, sizes, keepsAxis }: { axis: number; sizes: readonly number[]; keepsAxis: boolean },
): TensorInfo[] | undefined {
  const strides = stridesOf(x.shape);
  const results: TensorInfo[] = [];
  let offset = 0;
  for (const size of sizes) {
    const part = gather(backend, x, { shape: x.shape.with(axis, size), strides, offset });
    if (!part) return undefined;
    results.push(keepsAxis ? part : { ...part, shape: x.shape.toSpliced(axis, 1) });
    offset += size * (strides[axis] as number);
  }
  return results;
}

function splitV(call: KernelCall<{ numOrSizeSplits: number | number[]; axis: number }>): TensorInfo[] | undefined {
  const { attributes } = call;
  const x = input(call, 'x');
  const [axis = 0] = util.parseAxisParam(attributes.axis, x.shape);
  const sizes = backend_util.prepareSplitSize(x as never, attributes.numOrSizeSplits, axis);
  return isWide(x) && x.shape.length <= 8 ? parts(call.backend, x, { axis, sizes, keepsAxis: true }) : undefined;
}

function unpack(call: KernelCall<{ axis: number }>): TensorInfo[] | undefined {
  const x = input({ inputs: call.inputs }, 'value');
  const { axis } = call.attributes;
  const at = axis < 0 ? axis + x.shape.length : axis;
  if (!isWide(x) || x.shape.length > 8 || x.shape[at] === undefined) return undefined;
  const sizes = Array.from({ length: x.shape[at] }, () => 1);
  return parts(call.backend, x, { axis: at, sizes, keepsAxis: false });
}

/** Each axis becomes two: the repetitions, which stand still, and the values. */
function tile(call: KernelCall<{ reps: readonly number[] }>): TensorInfo | undefined {
  const x = input(call, 'x');
  const { reps } = call.attributes;
  if (!isWide(x) || reps.length !== x.shape.length) return undefined;
  const strides = stridesOf(x.shape);
  const y = gather(call.backend, x, {
    shape: x.shape.flatMap((size, axis) => [reps[axis] as number, size]),
    strides: strides.flatMap((stride) => [0, stride]),
    offset: 0,
  });
  return y && { ...y, shape: x.shape.map((size, axis) => size * (reps[axis] as number)) };
}

function reverse(call: KernelCall<{ dims: number | number[] }>): TensorInfo | undefined {
  const x = input(call, 'x');
  if (!isWide(x)) return undefined;
  const axes = x.shape.length === 0 ? [] : util.parseAxisParam(call.attributes.dims, x.shape);
  const strides = stridesOf(x.shape);
  const offset = axes.reduce(
    (sum, axis) => sum + (x.shape[axis] as number) * (strides[axis] as number) - (strides[axis] as number),
    0,
  );
  const turned = strides.map((stride, axis) => (axes.includes(axis) ? -stride : stride));
  return gather(call.backend, x, { shape: x.shape, strides: turned, offset: sizeOf(x) === 0 ? 0 : offset });
}

interface StridedSliceAttributes {
  readonly begin: number[];
  readonly end: number[];
  readonly strides: number[];
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
}

function stridedSlice(call: KernelCall<StridedSliceAttributes>): TensorInfo | undefined {
  const x = input(call, 'x');
  const { attributes: a } = call;
  if (!isWide(x)) return undefined;
  const info = slice_util.sliceInfo(
    ...([
      x.shape,
      a.begin,
      a.end,
      a.strides,
      a.beginMask,
      a.endMask,
      a.ellipsisMask,
      a.newAxisMask,
      a.shrinkAxisMask,
    ] as const),
  );
  const { begin, end, strides, finalShape } = info;
  const own = stridesOf(x.shape);
  const y = gather(call.backend, x, {
    shape: slice_util.computeOutShape(begin, end, strides),
    strides: own.map((stride, axis) => stride * (strides[axis] as number)),
    offset:
      sizeOf({ shape: finalShape }) === 0
        ? 0
        : own.reduce((sum, stride, axis) => sum + stride * (begin[axis] as number), 0),
  });
  return y && { ...y, shape: finalShape };
}

/** One axis after the other, as rows by their place before the padding. */
function mirrorPad(
  call: KernelCall<{ paddings: readonly (readonly [number, number])[]; mode: 'reflect' | 'symmetric' }>,
): TensorInfo | undefined {
  const { backend, attributes } = call;
  const { paddings, mode } = attributes;
  let x = input(call, 'x');
  if (!isWide(x) || sizeOf(x) === 0) return undefined;
  x = backend.alias(x);
  const edge = mode === 'reflect' ? 0 : 1;
  paddings.forEach(([before, after], axis) => {
    if (before + after === 0) return;
    const size = x.shape[axis] as number;
    const places = Int32Array.from({ length: before + size + after }, (_, i) => {
      const at = i - before;
      if (at < 0) return -at - edge;
      return at < size ? at : 2 * (size - 1) - at + edge;
    });
    const indices = backend.makeTensorInfo([places.length], 'int32', places);
    const next = movementKernels['GatherV2']?.({
      backend,
      inputs: { x, indices } as never,
      attributes: { axis } as never,
    });
    for (const { dataId } of [indices, x]) backend.disposeData(dataId);
    x = next as TensorInfo;
  });
  return x;
}

/** Kernels of tfjs that give another view of values, or copy one. */
export const viewKernels: KernelTable = {
  Identity: identity,
  Reshape: reshape,
  ExpandDims: expandDims,
  Pack: pack,
  Unpack: unpack,
  SplitV: splitV,
  Tile: tile,
  Reverse: reverse,
  StridedSlice: stridedSlice,
  MirrorPad: mirrorPad,
};
