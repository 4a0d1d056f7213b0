import { withoutDropout } from '@formers/backend';
import { patchify, unpatchify } from '@formers/vit';
import {
  add,
  cast,
  expandDims,
  mul,
  onesLike,
  type Scalar,
  slice,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

import type { Tally } from './measure.ts';

/** What a model made of images with hidden patches. */
export interface PaintedImages {
  /** [batch, channels, height, width] */
  readonly painted: Tensor4D;
  /** [batch, patches], 1 = hidden */
  readonly mask: Tensor2D;
  readonly patchSize: readonly [height: number, width: number];
}

/** Per image, over the pixels of hidden patches: how many there are, sums of the right values, of their squares, and of the squared errors. */
export function tallyPixels(
  images: Tensor4D,
  { painted, mask, patchSize }: PaintedImages,
): Record<'pixels' | 'values' | 'squares' | 'errors', Tally> {
  const [found, wanted] = [patchify(painted, patchSize), patchify(images, patchSize)]; // each [batch, patches, pixels]
  const isHidden = mul(onesLike(wanted), expandDims(cast(mask as Tensor, 'float32'), 2)); // [batch, patches, pixels]
  const [count] = images.shape;
  const tally = (values: Tensor): Tally => ({ sum: sum(mul(values, isHidden)) as Scalar, count });
  return {
    pixels: tally(isHidden),
    values: tally(wanted),
    squares: tally(square(wanted)),
    errors: tally(square(sub(found, wanted))),
  };
}

/** The share of the variance of hidden pixels that a painting explains, out of the means of {@link tallyPixels}: 1 where it is right, 0 where it is no better than one grey for all. */
export function explainedShare({
  pixels = Number.NaN,
  values = Number.NaN,
  squares = Number.NaN,
  errors = Number.NaN,
}: Readonly<Record<string, number>>): number {
  return 1 - errors / (squares - values ** 2 / pixels);
}

/** Images that are shown. */
const SHOWN = 3;

/** Characters that a sketch is wide, at most. */
const COLUMNS = 28;

const LEVELS = ' .:-=+*#%@';

/** The value of hidden pixels in a picture, far above all others. */
const HIDDEN = 1e6;

/** Sketches of the first images in characters: what the model saw, what it painted, and what was there. */
export async function sketchPainting(images: Tensor4D, paint: () => PaintedImages): Promise<string> {
  const pictures = tidy(() => {
    const { painted, mask, patchSize } = withoutDropout(paint);
    const shown = (all: Tensor): Tensor3D => {
      const [first, ...rest] = all.shape;
      return slice(all, 0, [Math.min(SHOWN, first ?? 0), ...rest]) as Tensor3D;
    };
    const [real, mine, hidden] = [patchify(images, patchSize), patchify(painted, patchSize), expandDims(mask, 2)];
    const isHidden = cast(hidden as Tensor, 'float32'); // [batch, patches, 1]
    const [, , height, width] = images.shape;
    const grid = [Math.floor(height / patchSize[0]), Math.floor(width / patchSize[1])] as const;
    const seen = mul(real, sub(1, isHidden));
    return [add(seen, mul(isHidden, HIDDEN)), add(seen, mul(mine, isHidden)), real].map((patches) =>
      unpatchify(shown(patches), { grid, patchSize }),
    );
  });
  const [seen = [], painted = [], real = []] = await Promise.all(
    pictures.map(async (picture) => (await picture.array()).map(([channel = []]) => sketch(channel))),
  );
  for (const picture of pictures) picture.dispose();
  const [width = 0] = real[0]?.map(({ length }) => length) ?? [];
  const head = ['what it saw', 'what it painted', 'what was there'].map((name) => name.padEnd(width)).join('   ');
  const rows = real.map((lines, i) =>
    lines.map((line, y) => [seen[i]?.[y], painted[i]?.[y], line].join('   ').trimEnd()).join('\n'),
  );
  return [head.trimEnd(), ...rows].join('\n\n');
}

/** A picture [height][width] of values from -1 to 1 as lines of characters, which are twice as high as wide. */
function sketch(pixels: readonly (readonly number[])[]): string[] {
  const step = Math.max(1, Math.ceil((pixels[0]?.length ?? 0) / COLUMNS));
  const blockMean = (y: number, x: number): number => {
    const values = pixels.slice(y, y + 2 * step).flatMap((row) => row.slice(x, x + step));
    return values.reduce((total, value) => total + value, 0) / values.length;
  };
  const level = (value: number): string => {
    if (value > HIDDEN / 100) return '·';
    const place = Math.round(((value + 1) / 2) * (LEVELS.length - 1));
    return LEVELS[Math.min(LEVELS.length - 1, Math.max(0, place))] ?? ' ';
  };
  const every = (length: number, by: number): number[] =>
    Array.from({ length: Math.ceil(length / by) }, (_, i) => i * by);
  return every(pixels.length, 2 * step).map((y) =>
    every(pixels[0]?.length ?? 0, step)
      .map((x) => level(blockMean(y, x)))
      .join(''),
  );
}
