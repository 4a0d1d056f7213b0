/** A point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The points of a curve, in the order of x. */
export class Series {
  readonly #points: Point[] = [];

  get points(): readonly Point[] {
    return this.#points;
  }

  /** Adds a point; those that are no numbers leave a gap and are not drawn. Points with an x before the last one replace what came after it. */
  append(point: Point): void {
    while ((this.#points.at(-1)?.x ?? -Infinity) >= point.x) this.#points.pop();
    this.#points.push(point);
  }

  clear(): void {
    this.#points.length = 0;
  }

  /** The last point at or before x; the first one where there is none before. */
  at(x: number): Point | undefined {
    let [low, high] = [0, this.#points.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#points[middle] as Point).x <= x) low = middle;
      else high = middle - 1;
    }
    return this.#points[low];
  }

  /** At most four points for each of `columns` parts of the range - its first, least, most and last - which draw the same line as all of them. */
  thinned([from, to]: readonly [number, number], columns: number): readonly Point[] {
    if (this.#points.length <= 4 * columns) return this.#points;
    const parts = Map.groupBy(this.#points, ({ x }) => Math.floor(((x - from) / (to - from || 1)) * columns));
    return [...parts.values()].flatMap(cornersOf);
  }
}

function cornersOf(points: readonly Point[]): readonly Point[] {
  if (points.length <= 4) return points;
  const least = points.reduce((a, b) => (b.y < a.y ? b : a));
  const most = points.reduce((a, b) => (b.y > a.y ? b : a));
  const corners = [points[0], least, most, points.at(-1)].filter((point) => point !== undefined);
  return [...new Set(corners)].toSorted((a, b) => a.x - b.x);
}
