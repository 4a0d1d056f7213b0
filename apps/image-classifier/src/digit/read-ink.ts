import { crop, ImageError, layOnWhite, type RawImage, resize, toGrey } from '@formers/images';

import { BOX_SIZE, CENTRE_PIXEL, centreOfMass, DIGIT_SIZE } from './digit-form.ts';

/** Pictures are shrunk to this height or width before their ink is looked for, in pixels; also what the page shows of them. */
const LARGEST_SIDE = 280;

/** Ink below this level doesn't count for the box around it; a picture without any above is empty. */
const FAINT = 32;

/**
 * The ink of a picture, 255 on 0, with one channel and at most 280 pixels a side: what differs from the paper, dark on light or light on dark. The paper
 * is the brightness that most of the picture's border has; what differs by as little as the border itself does is no ink.
 *
 * @throws {@link ImageError} `pixels` when nothing differs from the paper.
 */
export function readInk(image: RawImage): RawImage {
  const { data, width, height } = toGrey(layOnWhite(fitInto(image, LARGEST_SIDE)));
  const border = Array.from(data).filter((_, i) => isBorder(i, { width, height }));
  const paper = quantile(border, 0.5);
  const noise = quantile(
    border.map((level) => Math.abs(level - paper)),
    0.75,
  );
  const differences = Array.from(data, (level) => Math.max(0, Math.abs(level - paper) - noise));
  const strongest = rangeOf(differences)[1];
  if (strongest < FAINT) throw new ImageError('pixels', 'the picture shows nothing that differs from its border');
  const ink = Uint8Array.from(differences, (difference) => Math.round((255 * difference) / strongest));
  return { data: ink, width, height, channels: 1 };
}

/**
 * Ink in the form of MNIST's digits, as `digitFromStrokes` gives it: the box around it is scaled to 20 x 20 with its aspect kept, and its centre of mass
 * moved into the {@link CENTRE_PIXEL} of 28 x 28 by whole pixels. What already has 28 x 28 pixels is taken as it is.
 */
export function digitFromInk(ink: RawImage): RawImage {
  if (ink.width === DIGIT_SIZE && ink.height === DIGIT_SIZE) return ink;
  const small = scaleTo(cropToInk(ink), BOX_SIZE);
  const [x, y] = centreOfMass(small);
  return crop(small, {
    left: Math.floor(x) - CENTRE_PIXEL,
    top: Math.floor(y) - CENTRE_PIXEL,
    width: DIGIT_SIZE,
    height: DIGIT_SIZE,
  });
}

function fitInto(image: RawImage, side: number): RawImage {
  return Math.max(image.width, image.height) <= side ? image : scaleTo(image, side);
}

/** The image with `side` pixels along its longer side. */
function scaleTo(image: RawImage, side: number): RawImage {
  const scale = side / Math.max(image.width, image.height);
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  return resize(image, { width, height, resample: scale < 1 ? 'box' : 'bilinear' });
}

function cropToInk(ink: RawImage): RawImage {
  const { data, width } = ink;
  const columns: number[] = [];
  const rows: number[] = [];
  data.forEach((level, i) => {
    if (level < FAINT) return;
    columns.push(i % width);
    rows.push(Math.floor(i / width));
  });
  const [left, right] = rangeOf(columns);
  const [top, bottom] = rangeOf(rows);
  return crop(ink, { left, top, width: right - left + 1, height: bottom - top + 1 });
}

function isBorder(pixel: number, { width, height }: { width: number; height: number }): boolean {
  const column = pixel % width;
  const row = Math.floor(pixel / width);
  return column === 0 || row === 0 || column === width - 1 || row === height - 1;
}

function rangeOf(numbers: readonly number[]): [least: number, most: number] {
  return [numbers.reduce((least, n) => Math.min(least, n)), numbers.reduce((most, n) => Math.max(most, n))];
}

function quantile(numbers: readonly number[], share: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(share * (numbers.length - 1))] ?? 0;
}
