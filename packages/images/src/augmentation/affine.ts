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
  const pixel = new Float64Array(channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // Where this pixel comes from: the movement backwards. On the screen y points down.
      const right = x - centerX - shift[0];
      const down = y - centerY - shift[1];
      sample(image, { x: centerX + cos * right - sin * down, y: centerY + sin * right + cos * down, fill }, pixel);
      const at = (y * width + x) * channels;
      for (let i = 0; i < channels; i++) output.data[at + i] = Math.round(pixel[i] as number);
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

function sample(image: RawImage, { x, y, fill }: { x: number; y: number; fill: number }, pixel: Float64Array): void {
  const { data, width, height, channels } = image;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  pixel.fill(0);
  for (const [column, row, weight] of [
    [left, top, (left + 1 - x) * (top + 1 - y)],
    [left + 1, top, (x - left) * (top + 1 - y)],
    [left, top + 1, (left + 1 - x) * (y - top)],
    [left + 1, top + 1, (x - left) * (y - top)],
  ] as const) {
    if (weight === 0) continue;
    const isInside = column >= 0 && column < width && row >= 0 && row < height;
    const at = (row * width + column) * channels;
    for (let i = 0; i < channels; i++) {
      pixel[i] = (pixel[i] as number) + weight * (isInside ? (data[at + i] as number) : fill);
    }
  }
}
