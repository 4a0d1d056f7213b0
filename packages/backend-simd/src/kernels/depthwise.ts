import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { geometry, type Shape4D } from './convolution.ts';
import { areFloats, input, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

interface DepthwiseAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly inputShape?: Shape4D;
  readonly filterShape?: Shape4D;
}

/** Shapes and tensors of a depthwise convolution; the image, output and filter are what the kernel in assembly/depthwise.ts reads or writes. */
function run(
  backend: SimdBackend,
  kernel: string,
  {
    info,
    multiplier,
    image,
    output,
    filter,
  }: {
    info: backend_util.Conv2DInfo;
    multiplier: number;
    image: TensorInfo;
    output: TensorInfo;
    filter: TensorInfo;
  },
): void {
  const addresses = [image, output, filter].map((tensor) => backend.address(tensor));
  backend.engine.run(kernel, [...geometry(info, info.batchSize), ...addresses, multiplier], {
    work: sizeOf(output) * info.filterHeight * info.filterWidth,
  });
}

function infoOf(
  x: readonly number[],
  filter: readonly number[],
  { strides, dilations = 1, pad, dimRoundingMode }: DepthwiseAttributes,
): { info: backend_util.Conv2DInfo; multiplier: number } {
  const [image, shape] = [x as Shape4D, filter as Shape4D];
  return {
    info: backend_util.computeConv2DInfo(image, shape, strides, dilations ?? 1, pad, dimRoundingMode, true),
    multiplier: shape[3],
  };
}

function depthwise(call: KernelCall<DepthwiseAttributes>): TensorInfo | undefined {
  const { backend, attributes } = call;
  const [x, filter] = [input(call, 'x'), input(call, 'filter')];
  if (!areFloats(x, filter)) return undefined;
  const { info, multiplier } = infoOf(x.shape, filter.shape, attributes);
  const y = backend.output(info.outShape);
  run(backend, 'depthwise', { info, multiplier, image: x, output: y, filter });
  return y;
}

function inputGradient(call: KernelCall<DepthwiseAttributes>): TensorInfo | undefined {
  const { backend, attributes } = call;
  const [dy, filter] = [input(call, 'dy'), input(call, 'filter')];
  if (!areFloats(dy, filter) || !attributes.inputShape) return undefined;
  const { info, multiplier } = infoOf(attributes.inputShape, filter.shape, attributes);
  if (!util.arraysEqual(dy.shape, info.outShape)) return undefined;
  const dx = backend.output(attributes.inputShape);
  run(backend, 'depthwiseInputGradient', { info, multiplier, image: dx, output: dy, filter });
  return dx;
}

function filterGradient(call: KernelCall<DepthwiseAttributes>): TensorInfo | undefined {
  const { backend, attributes } = call;
  const [x, dy] = [input(call, 'x'), input(call, 'dy')];
  if (!areFloats(x, dy) || !attributes.filterShape) return undefined;
  const { info, multiplier } = infoOf(x.shape, attributes.filterShape, attributes);
  const dFilter = backend.output(attributes.filterShape);
  run(backend, 'depthwiseFilterGradient', { info, multiplier, image: x, output: dy, filter: dFilter });
  return dFilter;
}

/** Depthwise convolutions of tfjs. */
export const depthwiseKernels: KernelTable = {
  DepthwiseConv2dNative: depthwise,
  DepthwiseConv2dNativeBackpropInput: inputGradient,
  DepthwiseConv2dNativeBackpropFilter: filterGradient,
};
