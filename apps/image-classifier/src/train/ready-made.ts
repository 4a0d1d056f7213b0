import { RandomStream } from '@formers/backend';

import { EXAMPLES } from '../digit/examples.ts';
import type { Point, Stroke } from '../digit/strokes.ts';
import type { SampleClass } from './protocol.ts';

/** What is drawn, once, in strokes. */
interface Figure {
  readonly label: string;
  readonly strokes: readonly Stroke[];
}

/** Figures that everybody can draw. */
const SHAPES: readonly Figure[] = [
  { label: 'circle', strokes: [ring(48, () => 0.32)] },
  { label: 'square', strokes: [corners([0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8], [0.2, 0.2])] },
  { label: 'triangle', strokes: [corners([0.5, 0.16], [0.84, 0.8], [0.16, 0.8], [0.5, 0.16])] },
  { label: 'star', strokes: [ring(10, (i) => (i % 2 === 0 ? 0.36 : 0.15))] },
  { label: 'cross', strokes: [corners([0.2, 0.2], [0.8, 0.8]), corners([0.8, 0.2], [0.2, 0.8])] },
];

/** Small data sets that the page draws itself. */
export const READY_MADE = {
  shapes: { title: 'Shapes', figures: SHAPES, perClass: 40 },
  digits: { title: 'Digits', figures: EXAMPLES, perClass: 40 },
} as const;

/** Name of a data set. */
export type ReadyMade = keyof typeof READY_MADE;

/** Draws a data set as many hands would: each figure turned, stretched and bent in another way. The same seed gives the same images. */
export function drawReadyMade(name: ReadyMade, { seed }: { seed: number }): SampleClass[] {
  const { figures, perClass } = READY_MADE[name];
  return figures.map(({ label, strokes }) => {
    const random = new RandomStream(seed, `ready-made.${name}.${label}`);
    const samples = Array.from({ length: perClass }, (_, i) => ({
      name: `${label} ${i + 1}`,
      image: byAnotherHand(strokes, random),
    }));
    return { label, samples };
  });
}

/** The strokes turned by up to 14°, slanted, stretched, and bent by a slow wave. */
export function byAnotherHand(strokes: readonly Stroke[], random: RandomStream): Stroke[] {
  const within = (most: number): number => (2 * random.uniform() - 1) * most;
  const angle = within(Math.PI / 13);
  const [stretchX, stretchY, slant] = [1 + within(0.22), 1 + within(0.22), within(0.2)];
  const [bendX, bendY, phaseX, phaseY] = [within(0.03), within(0.03), within(Math.PI), within(Math.PI)];
  const move = ([x, y]: Point): Point => {
    const [left, top] = [
      (x - 0.5 + bendX * Math.sin(7 * y + phaseX)) * stretchX,
      (y - 0.5 + bendY * Math.sin(7 * x + phaseY)) * stretchY,
    ];
    const slanted = left + slant * top;
    return [
      0.5 + slanted * Math.cos(angle) - top * Math.sin(angle),
      0.5 + slanted * Math.sin(angle) + top * Math.cos(angle),
    ];
  };
  return strokes.map((stroke) => stroke.map(move));
}

/** A closed line of `count` points around the middle. */
function ring(count: number, radius: (i: number) => number): Stroke {
  const points = Array.from({ length: count + 1 }, (_, i): Point => {
    const angle = (2 * Math.PI * i) / count - Math.PI / 2;
    const r = radius(i % count);
    return [0.5 + r * Math.cos(angle), 0.5 + r * Math.sin(angle)];
  });
  return count <= 12 ? corners(...points) : points;
}

/** Straight lines from corner to corner, in steps short enough to be bent. */
function corners(...points: readonly Point[]): Stroke {
  const [first] = points;
  const steps = 8;
  const rest = points.slice(1).flatMap(([x, y], i) => {
    const [fromX, fromY] = points[i] as Point;
    return Array.from({ length: steps }, (_, step): Point => {
      const share = (step + 1) / steps;
      return [fromX + (x - fromX) * share, fromY + (y - fromY) * share];
    });
  });
  return first ? [first, ...rest] : [];
}
