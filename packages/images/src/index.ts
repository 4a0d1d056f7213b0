export { type Channels, MAX_PIXELS, type RawImage } from './raw-image.ts';
export { ImageError, type ImageErrorCode } from './errors.ts';

export { decodeImage, type DecodeOptions, loadImage } from './decode/decode-image.ts';
export { type ImageFormat, type ImageHeader, MAX_BYTES, readImageHeader } from './decode/image-header.ts';
export type { ImageSource } from './decode/image-source.ts';

export { layOnWhite, toGrey, toRgb } from './colour.ts';
export { crop, flipHorizontal, type Region } from './crop.ts';
export type { Resample } from './resize/filters.ts';
export { resize, type ResizeBackend, type ResizeOptions } from './resize/resize.ts';

export { ImageProcessor, type ImageProcessorOptions, type PixelValues } from './processor/image-processor.ts';
export type { ProcessorJson } from './processor/parse-config.ts';
export type { ImageProcessorConfig, TargetSize } from './processor/processor-types.ts';

export { affine, type Movement } from './augmentation/affine.ts';
export {
  type AffineBounds,
  type Augmentation,
  randomAffine,
  randomCrop,
  randomFlip,
} from './augmentation/augmentations.ts';

export { ImageBatch } from './data/image-batch.ts';
export {
  ImageBatches,
  type ImageBatchesIdentity,
  type ImageBatchesOptions,
  sequentialBatches,
} from './data/image-batches.ts';
export { type ImageDataSet, selectImages, splitImages } from './data/image-data-set.ts';
export { ImageFolder } from './data/image-folder.ts';
export { type MnistDigits, mnistImages } from './data/mnist.ts';
