import { ConfigError, RandomStream, randomKey, threefry2x32, uniformValues } from '@formers/backend';
import { type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';

/** Which images of a run masks are for: their places in it, so that masks don't depend on the size of batches. */
export interface ImageMaskOptions {
  /** Images in the batch. */
  batchSize: number;
  /** Number of the batch, from 0. */
  step: number;
  /** Default 0. */
  seed?: number;
}

/**
 * Masks for masked image modelling as in SimMIM (Xie et al. 2021, section 3.2): an image is divided into blocks of `blockSize` x `blockSize` patches, of which
 * `ratio`, rounded up, are hidden.
 *
 * @param options.gridHeight Patches from top to bottom; a multiple of `blockSize`, as `gridWidth` is.
 * @param options.blockSize Default 2: blocks of 32 pixels with patches of 16.
 * @param options.ratio Default 0.6.
 * @returns int32 [batch, patches], row by row, 1 = hidden
 */
export function maskedPatches({
  gridHeight,
  gridWidth,
  blockSize = 2,
  ratio = 0.6,
  batchSize,
  step,
  seed = 0,
}: ImageMaskOptions & { gridHeight: number; gridWidth: number; blockSize?: number; ratio?: number }): Tensor2D {
  checkMask('maskedPatches', { batchSize, gridHeight, gridWidth, blockSize });
  if (gridHeight % blockSize !== 0 || gridWidth % blockSize !== 0)
    throw new ConfigError(
      `maskedPatches: blocks of ${blockSize} x ${blockSize} patches must fill the image, got ${gridHeight} x ${gridWidth} patches`,
    );
  if (!(ratio > 0 && ratio <= 1)) throw new ConfigError(`maskedPatches: ratio must be a share in (0, 1], got ${ratio}`);
  const blocksInRow = gridWidth / blockSize;
  const numBlocks = (gridHeight / blockSize) * blocksInRow;
  const numPatches = gridHeight * gridWidth;
  const mask = new Int32Array(batchSize * numPatches);
  for (let image = 0; image < batchSize; image++) {
    const random = new RandomStream(seed, `image-mask.${step * batchSize + image}`);
    const order = random.shuffle(Uint32Array.from({ length: numBlocks }, (_, i) => i));
    const hidden = new Set(order.subarray(0, Math.ceil(numBlocks * ratio - 1e-9)));
    for (let patch = 0; patch < numPatches; patch++) {
      const row = Math.floor(patch / gridWidth / blockSize);
      const column = Math.floor((patch % gridWidth) / blockSize);
      if (hidden.has(row * blocksInRow + column)) mask[image * numPatches + patch] = 1;
    }
  }
  return tensor2d(mask, [batchSize, numPatches], 'int32');
}

/**
 * Noise that says which patches a masked autoencoder sees: those of the least noise (He et al. 2021, section 3, "Simple implementation").
 *
 * @returns float32 [batch, patches], uniform in [0, 1)
 */
export function maskingNoise({
  numPatches,
  batchSize,
  step,
  seed = 0,
}: ImageMaskOptions & { numPatches: number }): Tensor2D {
  checkMask('maskingNoise', { batchSize, numPatches });
  const noise = new Float32Array(batchSize * numPatches);
  const key = randomKey(seed, 'masking-noise');
  for (let image = 0; image < batchSize; image++) {
    const place = step * batchSize + image;
    const own = threefry2x32(key, [place >>> 0, Math.floor(place / 2 ** 32)]);
    noise.set(uniformValues(own, numPatches), image * numPatches);
  }
  return tensor2d(noise, [batchSize, numPatches]);
}

function checkMask(where: string, numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers))
    if (!(Number.isSafeInteger(value) && value > 0))
      throw new ConfigError(`${where}: ${name} must be a whole number from 1, got ${value}`);
}
