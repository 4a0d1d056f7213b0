import type { RawImage } from '@formers/images';

import { forEachSegment, type Point, type Stroke } from './strokes.ts';

/** Height and width of MNIST's images, in pixels. */
export const DIGIT_SIZE = 28;

/** Height and width of the box that a digit fills inside of one. */
export const BOX_SIZE = 20;

/**
 * The pixel, from 0, in which MNIST's digits have the centre of their mass, both across and down: all of them lie between its edges, as their makers
 * moved them by whole pixels.
 */
export const CENTRE_PIXEL = 14;

/** Half the width of the pen, in pixels of the result: it leaves about as much ink as MNIST's digits have. */
const PEN_RADIUS = 1.3;

/**
 * Strokes in the form of MNIST's digits, ink 255 on 0, as [28, 28, 1] (LeCun et al. 1998, section III.A): the box around the ink is scaled to
 * 20 x 20 with its aspect kept, the strokes are anti-aliased, and the centre of their mass lies in the middle of the {@link CENTRE_PIXEL}. Where and how large
 * something was drawn doesn't matter, and the width of the pen is always the same. Without strokes, or with points that are no numbers, all is 0.
 */
export function digitFromStrokes(strokes: readonly Stroke[]): RawImage {
  const box = boxOf(strokes);
  if (box === undefined) return asImage(new Float32Array(DIGIT_SIZE * DIGIT_SIZE));
  const side = Math.max(box.right - box.left, box.bottom - box.top);
  const scale = side === 0 ? 1 : (BOX_SIZE - 2 * PEN_RADIUS) / side;
  const middle = CENTRE_PIXEL + 0.5;
  const render = (x: number, y: number): Float32Array =>
    renderStrokes(strokes, ([px, py]) => [(px - box.left) * scale + x, (py - box.top) * scale + y]);

  const x = middle - ((box.right - box.left) * scale) / 2;
  const y = middle - ((box.bottom - box.top) * scale) / 2;
  const [massX, massY] = centreOfMass({ data: render(x, y), width: DIGIT_SIZE, height: DIGIT_SIZE });
  return asImage(render(x + middle - massX, y + middle - massY));
}

/**
 * Where the mass of an image lies, in pixels from its upper left corner: [width / 2, height / 2] for one whose pixels are equal. The middle for one
 * without mass.
 */
export function centreOfMass({
  data,
  width,
  height,
}: {
  data: ArrayLike<number>;
  width: number;
  height: number;
}): Point {
  let mass = 0;
  let momentX = 0;
  let momentY = 0;
  for (let i = 0; i < width * height; i++) {
    const value = data[i] ?? 0;
    mass += value;
    momentX += value * ((i % width) + 0.5);
    momentY += value * (Math.floor(i / width) + 0.5);
  }
  return mass === 0 ? [width / 2, height / 2] : [momentX / mass, momentY / mass];
}

/** Ink from 0 to 1 where strokes pass, moved to pixels by `place`: a pixel nearer to a stroke's middle than the pen's radius is full. */
function renderStrokes(strokes: readonly Stroke[], place: (point: Point) => Point): Float32Array {
  const ink = new Float32Array(DIGIT_SIZE * DIGIT_SIZE); // [height, width]
  const reach = PEN_RADIUS + 0.5;
  const inside = (value: number): number => Math.min(DIGIT_SIZE - 1, Math.max(0, Math.floor(value)));
  forEachSegment(strokes, (start, end) => {
    const [from, to] = [place(start), place(end)];
    for (let row = inside(Math.min(from[1], to[1]) - reach); row <= inside(Math.max(from[1], to[1]) + reach); row++) {
      for (
        let column = inside(Math.min(from[0], to[0]) - reach);
        column <= inside(Math.max(from[0], to[0]) + reach);
        column++
      ) {
        const covered = reach - distanceToSegment([column + 0.5, row + 0.5], { from, to });
        const pixel = row * DIGIT_SIZE + column;
        ink[pixel] = Math.max(ink[pixel] ?? 0, Math.min(1, covered));
      }
    }
  });
  return ink;
}

function distanceToSegment([x, y]: Point, { from: [x1, y1], to: [x2, y2] }: { from: Point; to: Point }): number {
  const squared = (x2 - x1) ** 2 + (y2 - y1) ** 2;
  const along = squared === 0 ? 0 : Math.min(1, Math.max(0, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / squared));
  return Math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1));
}

/** The box around all points; undefined without points. */
function boxOf(strokes: readonly Stroke[]): { left: number; right: number; top: number; bottom: number } | undefined {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const [x, y] of strokes.flat()) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return Object.values(box).every(Number.isFinite) ? box : undefined;
}

function asImage(ink: Float32Array): RawImage {
  return {
    data: Uint8Array.from(ink, (value) => Math.round(255 * value)),
    width: DIGIT_SIZE,
    height: DIGIT_SIZE,
    channels: 1,
  };
}
