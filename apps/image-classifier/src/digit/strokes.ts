/** A place on the pad: [0, 0] is its upper left corner, [1, 1] its lower right one. */
export type Point = readonly [x: number, y: number];

/** What a pen leaves between being put down and lifted; one point is a dot. */
export type Stroke = readonly Point[];

/** Calls `visit` for each straight piece of the strokes; a dot is a piece of no length. */
export function forEachSegment(strokes: readonly Stroke[], visit: (from: Point, to: Point) => void): void {
  for (const stroke of strokes) {
    stroke.forEach((point, i) => {
      const next = stroke[i + 1];
      if (next !== undefined) visit(point, next);
      else if (i === 0) visit(point, point);
    });
  }
}

/** The first part of strokes, as they were drawn: `share` of their whole length, from 0 to 1. */
export function beginningOf(strokes: readonly Stroke[], share: number): Stroke[] {
  let total = 0;
  forEachSegment(strokes, (from, to) => (total += distance(from, to)));
  let left = total * share;
  const beginning: Stroke[] = [];
  for (const stroke of strokes) {
    const [first, ...rest] = stroke;
    if (first === undefined || left < 0) break;
    const drawn: Point[] = [first];
    let from = first;
    for (const to of rest) {
      const length = distance(from, to);
      if (length > left) {
        drawn.push([from[0] + ((to[0] - from[0]) * left) / length, from[1] + ((to[1] - from[1]) * left) / length]);
        left = -1;
        break;
      }
      left -= length;
      drawn.push(to);
      from = to;
    }
    beginning.push(drawn);
  }
  return beginning;
}

function distance([x1, y1]: Point, [x2, y2]: Point): number {
  return Math.hypot(x2 - x1, y2 - y1);
}
