import type { Point, Stroke } from './strokes.ts';

/** Ten digits as a hand draws them, in the order of their names. */
export const EXAMPLES: readonly { readonly label: string; readonly strokes: readonly Stroke[] }[] = [
  { label: '0', strokes: [arc({ centre: [0.5, 0.5], radii: [0.23, 0.33], from: -70, to: -430 })] },
  { label: '1', strokes: [[...line([0.4, 0.3], [0.53, 0.17]), ...line([0.53, 0.17], [0.5, 0.83])]] },
  {
    label: '2',
    strokes: [
      [
        ...arc({ centre: [0.5, 0.36], radii: [0.2, 0.19], from: 200, to: 395 }),
        ...line([0.66, 0.47], [0.28, 0.8]),
        ...line([0.28, 0.8], [0.74, 0.79]),
      ],
    ],
  },
  {
    label: '3',
    strokes: [
      [
        ...arc({ centre: [0.47, 0.33], radii: [0.19, 0.16], from: 205, to: 450 }),
        ...arc({ centre: [0.47, 0.66], radii: [0.22, 0.17], from: 270, to: 515 }),
      ],
    ],
  },
  {
    label: '4',
    strokes: [
      [...line([0.36, 0.18], [0.27, 0.55]), ...line([0.27, 0.55], [0.74, 0.53])],
      line([0.64, 0.2], [0.59, 0.84]),
    ],
  },
  {
    label: '5',
    strokes: [
      [...line([0.38, 0.2], [0.34, 0.47]), ...arc({ centre: [0.48, 0.62], radii: [0.2, 0.2], from: 230, to: 510 })],
      line([0.38, 0.2], [0.69, 0.18]),
    ],
  },
  {
    label: '6',
    strokes: [
      [
        ...curve([0.62, 0.16], [0.34, 0.34], [0.31, 0.63]),
        ...arc({ centre: [0.49, 0.65], radii: [0.18, 0.18], from: 180, to: -170 }),
      ],
    ],
  },
  { label: '7', strokes: [[...line([0.27, 0.22], [0.71, 0.2]), ...curve([0.71, 0.2], [0.52, 0.5], [0.46, 0.84])]] },
  {
    label: '8',
    strokes: [
      [
        ...curve([0.66, 0.27], [0.5, 0.08], [0.36, 0.26]),
        ...curve([0.36, 0.26], [0.32, 0.4], [0.5, 0.48]),
        ...curve([0.5, 0.48], [0.74, 0.6], [0.64, 0.76]),
        ...curve([0.64, 0.76], [0.5, 0.92], [0.34, 0.76]),
        ...curve([0.34, 0.76], [0.26, 0.6], [0.5, 0.48]),
        ...curve([0.5, 0.48], [0.7, 0.38], [0.66, 0.27]),
      ],
    ],
  },
  {
    label: '9',
    strokes: [
      [
        ...arc({ centre: [0.49, 0.35], radii: [0.17, 0.17], from: -20, to: -370 }),
        ...line([0.66, 0.32], [0.63, 0.55]),
        ...line([0.63, 0.55], [0.57, 0.84]),
      ],
    ],
  },
];

function line(from: Point, to: Point): Point[] {
  return [from, to];
}

/** Part of an ellipse; angles in degrees, 0 to the right, 90 downwards. */
function arc({ centre, radii, from, to }: { centre: Point; radii: Point; from: number; to: number }): Point[] {
  return Array.from({ length: 41 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 40) * Math.PI) / 180;
    return [centre[0] + radii[0] * Math.cos(angle), centre[1] + radii[1] * Math.sin(angle)];
  });
}

/** A bend from one point to another, pulled towards a third one: a quadratic Bézier curve. */
function curve(...[from, pull, to]: [from: Point, pull: Point, to: Point]): Point[] {
  return Array.from({ length: 21 }, (_, i) => {
    const t = i / 20;
    const mix = (axis: 0 | 1): number => (1 - t) ** 2 * from[axis] + 2 * t * (1 - t) * pull[axis] + t ** 2 * to[axis];
    return [mix(0), mix(1)];
  });
}
