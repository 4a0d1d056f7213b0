import { ConfigError } from '@formers/backend';

import { checkImage, emptyImage, type RawImage } from '../raw-image.ts';

/** A movement of an image about its centre: first scaled, then rotated, then shifted. */
export interface Movement {
  /** To the right and down, in pixels; default not at all. */
  shift?: readonly [right: number, down: number];
  /** In degrees, against the clock; default 0. */
  rotate?: number;
  /** 2 makes everything twice as large; default 1. */
  scale?: number;
  /** The level that comes in from outside, in all channels; default 0. */
  fill?: number;
}

/** The image moved within its frame, with levels in between by bilinear interpolation. */
export function affine(image: RawImage, { shift = [0, 0], rotate = 0, scale = 1, fill = 0 }: Movement): RawImage {
  checkImage(image, 'affine');
  if (!(scale > 0 && scale < Infinity)) throw new ConfigError(`affine: scale must be more than 0, got ${scale}`);
  if (![...shift, rotate].every(Number.isFinite)) {
    throw new ConfigError(`affine: shift and rotate must be finite, got [${shift.join(', ')}] and ${rotate}`);
  }
  const { width, height, channels } = image;
  const output = emptyImage({ width, height, channels });
  const [centerX, centerY] = [(width - 1) / 2, (height - 1) / 2];
  const [cos, sin] = turn(rotate).map((part) => part / scale) as [number, number];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // Where this pixel comes from: the movement backwards. On the screen y points down.
      const right = x - centerX - shift[0];
      const down = y - centerY - shift[1];
      const from = { x: centerX + cos * right - sin * down, y: centerY + sin * right + cos * down };
      const at = (y * width + x) * channels;
      for (let i = 0; i < channels; i++) output.data[at + i] = Math.round(sample(image, from, { channel: i, fill }));
    }
  }
  return output;
}

/** Cosine and sine, exact for quarter turns. */
function turn(degrees: number): [cos: number, sin: number] {
  const quarter = (((degrees / 90) % 4) + 4) % 4;
  if (Number.isInteger(quarter)) return [[1, 0, -1, 0][quarter] as number, [0, 1, 0, -1][quarter] as number];
  const angle = (degrees * Math.PI) / 180;
  return [Math.cos(angle), Math.sin(angle)];
}

/** A channel between four pixels. */
function sample(
  { data, width, height, channels }: RawImage,
  { x, y }: { x: number; y: number },
  { channel, fill }: { channel: number; fill: number },
): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const level = (column: number, row: number): number => {
    const isInside = column >= 0 && column < width && row >= 0 && row < height;
    return isInside ? (data[(row * width + column) * channels + channel] as number) : fill;
  };
  const upper = level(left, top) * (left + 1 - x) + level(left + 1, top) * (x - left);
  const lower = level(left, top + 1) * (left + 1 - x) + level(left + 1, top + 1) * (x - left);
  return upper * (top + 1 - y) + lower * (y - top);
}
