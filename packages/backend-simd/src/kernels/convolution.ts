import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { multiply, packedBytes } from '../engine/matrix-product.ts';
import { areFloats, fillZeros, input, type Kernel, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

type ConvolutionInfo = backend_util.Conv2DInfo;

interface ConvolutionAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly activation?: string;
  readonly inputShape?: [number, number, number, number];
  readonly filterShape?: [number, number, number, number];
}

/** Floats of the laid out windows that exist at once. */
const CHUNK = 2 ** 19;
/** Floats of the windows that a thread multiplies at once, which its cache should hold. */
const UNIT = 2 ** 16;
const EDGE_BYTES = 512;
const PANEL = 16;
const TILE_ROWS = 6;

const ACTIVATIONS: Readonly<Record<string, number>> = { linear: 0, relu: 1, sigmoid: 6 };

/** [batch, height, width, channels], or of a filter. */
export type Shape4D = [number, number, number, number];

function convolutionInfo(
  x: readonly number[],
  filter: readonly number[],
  { strides, dilations = 1, pad, dimRoundingMode }: ConvolutionAttributes,
): ConvolutionInfo {
  return backend_util.computeConv2DInfo(x as Shape4D, filter as Shape4D, strides, dilations, pad, dimRoundingMode);
}

/** The first 14 arguments of the kernels in assembly/convolution.ts, for some of the images. */
export function geometry(info: ConvolutionInfo, images: number): number[] {
  const {
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    filterHeight,
    filterWidth,
    strideHeight,
    strideWidth,
    dilationHeight,
    dilationWidth,
    padInfo,
  } = info;
  return [
    images,
    inHeight,
    inWidth,
    inChannels,
    outHeight,
    outWidth,
    filterHeight,
    filterWidth,
    strideHeight,
    strideWidth,
    dilationHeight,
    dilationWidth,
    padInfo.top,
    padInfo.left,
  ];
}

/** A convolution as products of rows of windows with the filter as a matrix. */
interface Layout {
  readonly info: ConvolutionInfo;
  /** Size of one window: depth of the product. */
  readonly window: number;
  /** Output pixels of one image. */
  readonly pixels: number;
  /** Whether the image is its own matrix of windows: a 1 x 1 filter without strides. */
  readonly isPlain: boolean;
}

function layout(info: ConvolutionInfo): Layout {
  const { filterHeight, filterWidth, inChannels, outHeight, outWidth, inHeight, inWidth, strideHeight, strideWidth } =
    info;
  const isPlain =
    filterHeight * filterWidth * strideHeight * strideWidth === 1 && outHeight === inHeight && outWidth === inWidth;
  return { info, window: filterHeight * filterWidth * inChannels, pixels: outHeight * outWidth, isPlain };
}

/** Calls `f` for groups of images, with room for their windows. */
function forChunks(
  backend: SimdBackend,
  { info, window, pixels, isPlain }: Layout,
  f: (chunk: { from: number; images: number; windows: number }) => void,
): void {
  const images = isPlain
    ? info.batchSize
    : Math.max(1, Math.min(info.batchSize, Math.floor(CHUNK / (pixels * window))));
  const windows = isPlain ? 0 : backend.engine.allocate(images * pixels * window * 4);
  try {
    for (let from = 0; from < info.batchSize; from += images)
      f({ from, images: Math.min(images, info.batchSize - from), windows });
  } finally {
    if (windows) backend.engine.free(windows);
  }
}

const isOurs = ({ dataFormat = 'NHWC' }: ConvolutionAttributes, ...tensors: readonly (TensorInfo | undefined)[]) =>
  dataFormat === 'NHWC' && areFloats(...tensors);

function convolve({ backend, inputs, attributes }: KernelCall<ConvolutionAttributes>): TensorInfo | undefined {
  const { engine } = backend;
  const x = input({ inputs }, 'x');
  const filter = input({ inputs }, 'filter');
  const { bias, preluActivationWeights } = inputs;
  const activation = ACTIVATIONS[attributes.activation ?? 'linear'];
  if (!isOurs(attributes, x, filter, bias) || activation === undefined || preluActivationWeights) return undefined;
  const info = convolutionInfo(x.shape, filter.shape, attributes);
  if (bias && sizeOf(bias) !== info.outChannels) return undefined;
  const y = backend.output(info.outShape);
  if (sizeOf(y) === 0) return y;
  const { window, pixels, isPlain } = layout(info);
  const rows = info.batchSize * pixels;
  const preActivation = activation ? engine.allocate(sizeOf(y) * 4) : 0;
  const epilogue = { bias: bias ? backend.address(bias) : 0, activation, preActivation };
  const addresses = { x: backend.address(x), filter: backend.address(filter), y: backend.address(y) };
  if (isPlain) {
    multiply(engine, {
      rows,
      columns: info.outChannels,
      depth: window,
      a: { address: addresses.x, stride: window },
      b: { address: addresses.filter, stride: info.outChannels },
      c: { address: addresses.y, stride: info.outChannels },
      ...epilogue,
    });
  } else runConvolution(backend, info, { ...addresses, ...epilogue });
  if (preActivation) engine.free(preActivation);
  return y;
}

/** Lays out windows and multiplies them, some pixels at a time in each thread. */
function runConvolution(
  { engine }: SimdBackend,
  info: ConvolutionInfo,
  {
    x,
    filter,
    y,
    bias,
    activation,
    preActivation,
  }: { x: number; filter: number; y: number; bias: number; activation: number; preActivation: number },
): void {
  const { window, pixels } = layout(info);
  const { threads } = engine;
  const rows = info.batchSize * pixels;
  const share = Math.min(192, UNIT / window, threads === 1 ? rows : rows / (threads * 4));
  const unitPixels = Math.max(2 * TILE_ROWS, Math.ceil(share / TILE_ROWS) * TILE_ROWS);
  const panels = Math.ceil(info.outChannels / PANEL);
  const packGroup = Math.max(1, Math.min(8, Math.ceil(panels / (threads * 2))));
  const [scratch, scratchStride] = engine.threadScratch(EDGE_BYTES + unitPixels * window * 4);
  const packed = engine.scratch(packedBytes(info.outChannels, window));
  const integers = [
    ...geometry(info, info.batchSize),
    x,
    y,
    filter,
    info.outChannels,
    packed,
    bias,
    activation,
    preActivation,
    unitPixels,
    scratch,
    scratchStride,
    packGroup,
  ];
  engine.run('convolution', integers, { work: (rows * window * info.outChannels) / 16 });
}

function convolveFilterGradient({
  backend,
  inputs,
  attributes,
}: KernelCall<ConvolutionAttributes>): TensorInfo | undefined {
  const { engine } = backend;
  const x = input({ inputs }, 'x');
  const dy = input({ inputs }, 'dy');
  if (!isOurs(attributes, x, dy) || !attributes.filterShape) return undefined;
  const info = convolutionInfo(x.shape, attributes.filterShape, attributes);
  const plan = layout(info);
  const { window, pixels, isPlain } = plan;
  const image = info.inHeight * info.inWidth * info.inChannels;
  const dFilter = backend.output(attributes.filterShape);
  if (sizeOf(dy) === 0) return fillZeros(backend, dFilter);
  forChunks(backend, plan, ({ from, images, windows }) => {
    const source = backend.address(x) + from * image * 4;
    if (!isPlain)
      engine.run('imageToRows', [...geometry(info, images), source, windows], { work: images * pixels * window });
    multiply(engine, {
      rows: window,
      columns: info.outChannels,
      depth: images * pixels,
      a: { address: isPlain ? source : windows, stride: window, transposed: true },
      b: { address: backend.address(dy) + from * pixels * info.outChannels * 4, stride: info.outChannels },
      c: { address: backend.address(dFilter), stride: info.outChannels },
      accumulate: from > 0,
    });
  });
  return dFilter;
}

function convolveInputGradient({
  backend,
  inputs,
  attributes,
}: KernelCall<ConvolutionAttributes>): TensorInfo | undefined {
  const { engine } = backend;
  const dy = input({ inputs }, 'dy');
  const filter = input({ inputs }, 'filter');
  if (!isOurs(attributes, dy, filter) || !attributes.inputShape) return undefined;
  const info = convolutionInfo(attributes.inputShape, filter.shape, attributes);
  if (!util.arraysEqual(dy.shape, info.outShape)) return undefined;
  const plan = layout(info);
  const { window, pixels, isPlain } = plan;
  const image = info.inHeight * info.inWidth * info.inChannels;
  const dx = backend.output(attributes.inputShape);
  if (sizeOf(dy) === 0) return fillZeros(backend, dx);
  forChunks(backend, plan, ({ from, images, windows }) => {
    const target = backend.address(dx) + from * image * 4;
    multiply(engine, {
      rows: images * pixels,
      columns: window,
      depth: info.outChannels,
      a: { address: backend.address(dy) + from * pixels * info.outChannels * 4, stride: info.outChannels },
      b: { address: backend.address(filter), stride: info.outChannels, transposed: true },
      c: { address: isPlain ? target : windows, stride: window },
    });
    if (!isPlain)
      engine.run('rowsToImage', [...geometry(info, images), target, windows], { work: images * pixels * window });
  });
  return dx;
}

interface PoolAttributes {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

const MAXIMUM = 0;
const MEAN = 1;

const poolInfo = (x: TensorInfo, { filterSize, strides, pad, dimRoundingMode }: PoolAttributes) =>
  backend_util.computePool2DInfo(x.shape as Shape4D, filterSize, strides, 1, pad, dimRoundingMode);

function pool(kind: number): Kernel {
  return ({ backend, inputs, attributes }: KernelCall<PoolAttributes>): TensorInfo | undefined => {
    const x = input({ inputs }, 'x');
    if (!areFloats(x)) return undefined;
    const info = poolInfo(x, attributes);
    if (info.filterHeight * info.filterWidth === 1 && util.arraysEqual(info.inShape, info.outShape))
      return backend.alias(x);
    const y = backend.output(info.outShape);
    const integers = [...geometry(info, info.batchSize), backend.address(x), backend.address(y), kind];
    backend.engine.run('pool', integers, { work: sizeOf(y) * info.filterHeight * info.filterWidth });
    return y;
  };
}

function poolGradient(kind: number): Kernel {
  return ({ backend, inputs, attributes }: KernelCall<PoolAttributes>): TensorInfo | undefined => {
    const dy = input({ inputs }, 'dy');
    const x = input({ inputs }, 'input');
    if (!areFloats(x, dy)) return undefined;
    const info = poolInfo(x, attributes);
    const dx = backend.output(x.shape);
    const integers = [
      ...geometry(info, info.batchSize),
      backend.address(dx),
      backend.address(dy),
      kind,
      backend.address(x),
    ];
    // tfjs divides by the whole window, also where it hangs over the edge.
    const factor = 1 / (info.filterHeight * info.filterWidth);
    backend.engine.run('poolGradient', integers, {
      floats: { 18: factor },
      work: sizeOf(dy) * info.filterHeight * info.filterWidth,
    });
    return dx;
  };
}

/** Convolutions and pooling of tfjs. */
export const convolutionKernels: KernelTable = {
  Conv2D: convolve,
  FusedConv2D: convolve,
  Conv2DBackpropFilter: convolveFilterGradient,
  Conv2DBackpropInput: convolveInputGradient,
  MaxPool: pool(MAXIMUM),
  AvgPool: pool(MEAN),
  MaxPoolGrad: poolGradient(MAXIMUM),
  AvgPoolGrad: poolGradient(MEAN),
};
