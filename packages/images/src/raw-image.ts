import { ImageError } from './errors.ts';

/** Grey, grey and alpha, red-green-blue, or those and alpha. */
export type Channels = 1 | 2 | 3 | 4;

/** Pixels in memory: 8 bits per channel, row after row from the top, the channels of a pixel side by side. */
export interface RawImage {
  /** [height, width, channels]; of a canvas's `ImageData`: `new Uint8Array(data.buffer)` */
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: Channels;
}

/** The most pixels that an image may have, read or made: 50 megapixels. */
export const MAX_PIXELS = 50_000_000;

/** The image as it is. @throws {@link ImageError} `pixels` unless its data fills its size, `too-large` over {@link MAX_PIXELS}. */
export function checkImage(image: RawImage, where: string): RawImage {
  const { data, width, height, channels } = image;
  checkSize({ width, height }, where);
  if (![1, 2, 3, 4].includes(channels)) {
    throw new ImageError('pixels', `${where}: image must have 1 to 4 channels, got ${channels}`);
  }
  if (data.length !== width * height * channels) {
    throw new ImageError(
      'pixels',
      `${where}: an image of ${width} x ${height} with ${channels} channels must have ${width * height * channels} bytes, got ${data.length}`,
    );
  }
  return image;
}

/** @throws {@link ImageError} `pixels` unless both sides are whole numbers of at least 1, `too-large` over {@link MAX_PIXELS}. */
export function checkSize({ width, height }: { width: number; height: number }, where: string): void {
  for (const side of [width, height]) {
    if (Number.isSafeInteger(side) && side >= 1) continue;
    throw new ImageError('pixels', `${where}: width and height must be whole numbers from 1, got ${width} x ${height}`);
  }
  if (width * height <= MAX_PIXELS) return;
  throw new ImageError(
    'too-large',
    `${where}: an image may have up to ${MAX_PIXELS} pixels, got ${width} x ${height} = ${width * height}`,
  );
}

/** An image with no pixels painted yet. */
export function emptyImage({ width, height, channels }: Omit<RawImage, 'data'>): RawImage {
  return { data: new Uint8Array(width * height * channels), width, height, channels };
}
