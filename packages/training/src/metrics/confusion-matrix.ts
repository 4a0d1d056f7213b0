import { ValueError } from '@formers/backend';

/** Precision, recall and F1, and how many there are. */
export interface Scores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly support: number;
}

/** How often examples of each class (rows) were taken for each class (columns). */
export class ConfusionMatrix {
  readonly labels: readonly string[];
  readonly #counts: number[][];

  constructor(labels: readonly string[]) {
    this.labels = labels;
    this.#counts = labels.map(() => labels.map(() => 0));
  }

  /**
   * Counts examples by the numbers of their classes.
   *
   * @example
   * const matrix = ConfusionMatrix.of([0, 1, 1], [0, 0, 1], { labels: ['ham', 'spam'] });
   */
  static of(
    predicted: ArrayLike<number>,
    actual: ArrayLike<number>,
    { labels }: { labels: readonly string[] },
  ): ConfusionMatrix {
    checkPairs('ConfusionMatrix.of', predicted, actual);
    const matrix = new ConfusionMatrix(labels);
    for (let i = 0; i < actual.length; i++) matrix.add(actual[i] as number, predicted[i] as number);
    return matrix;
  }

  /** Counts one example. @throws {@link ValueError} for a class that there isn't. */
  add(actual: number, predicted: number): void {
    const row = this.#counts[actual];
    if (row?.[predicted] === undefined)
      throw new ValueError(
        `ConfusionMatrix: classes must be whole numbers below ${this.labels.length}, got ${actual} and ${predicted}`,
      );
    row[predicted]++;
  }

  /** Counts by actual and predicted class. */
  get counts(): readonly (readonly number[])[] {
    return this.#counts;
  }

  /** How many examples there are. */
  get total(): number {
    return sum(this.#counts.flat());
  }

  /** Share of the examples that were taken for what they are, which is micro-averaged precision, recall and F1, too; NaN without any. */
  get accuracy(): number {
    return sum(this.#counts.map((row, i) => row[i] as number)) / this.total;
  }

  /** Matthews' correlation coefficient, also of several classes (Gorodkin 2004); 0 where it is not defined. */
  get matthews(): number {
    const { total } = this;
    const hits = this.accuracy * total;
    const rows = this.#counts.map(sum);
    const columns = this.labels.map((_, i) => sum(this.#counts.map((row) => row[i] as number)));
    const dot = (a: number[], b: number[]): number => sum(a.map((value, i) => value * (b[i] as number)));
    const spread = Math.sqrt((total ** 2 - dot(columns, columns)) * (total ** 2 - dot(rows, rows)));
    return spread === 0 ? 0 : (hits * total - dot(rows, columns)) / spread;
  }

  /** Scores of each class, in the order of the labels; 0 where they are not defined. */
  scores(): (Scores & { label: string })[] {
    return this.labels.map((label, i) => {
      const row = this.#counts[i] as number[];
      const predicted = sum(this.#counts.map((other) => other[i] as number));
      return { label, ...scoresOf({ hits: row[i] as number, predicted, actual: sum(row) }) };
    });
  }

  /** Means over the classes, those that have no example and were never predicted left out; or weighed by their examples. */
  average(kind: 'macro' | 'weighted'): Scores {
    const scores = this.scores().filter(({ label, support }) => support > 0 || this.#isPredicted(label));
    const weights = scores.map(({ support }) => (kind === 'macro' ? 1 : support));
    const mean = (key: 'precision' | 'recall' | 'f1'): number =>
      sum(scores.map((score, i) => score[key] * (weights[i] as number))) / sum(weights);
    return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1'), support: this.total };
  }

  #isPredicted(label: string): boolean {
    const i = this.labels.indexOf(label);
    return this.#counts.some((row) => (row[i] as number) > 0);
  }

  /** A report per class and the matrix, as lines of text. */
  toString(): string {
    const width = Math.max(8, ...this.labels.map(({ length }) => length)) + 1;
    const cell = (value: string | number): string => String(value).padStart(width);
    const line = (name: string, { precision, recall, f1, support }: Scores): string =>
      cell(name) + [precision, recall, f1].map((score) => cell(score.toFixed(3))).join('') + cell(support);
    return [
      `${cell('class')}${['precis.', 'recall', 'F1', 'examples'].map(cell).join('')}`,
      ...this.scores().map((scores) => line(scores.label, scores)),
      line('macro', this.average('macro')),
      line('weighted', this.average('weighted')),
      '',
      `${cell('is \\ as')}${this.labels.map(cell).join('')}`,
      ...this.#counts.map((row, i) => cell(this.labels[i] ?? '') + row.map(cell).join('')),
    ].join('\n');
  }
}

/** Scores from how many were found rightly, found at all, and there to be found. */
export function scoresOf({ hits, predicted, actual }: { hits: number; predicted: number; actual: number }): Scores {
  const precision = predicted === 0 ? 0 : hits / predicted;
  const recall = actual === 0 ? 0 : hits / actual;
  return { precision, recall, f1: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall), support: actual };
}

/** @throws {@link ValueError} unless both have the same length, and not 0. */
export function checkPairs(name: string, predicted: { length: number }, actual: { length: number }): void {
  if (predicted.length === actual.length && actual.length > 0) return;
  throw new ValueError(
    `${name}: predictions and references must be as many, and one at least, got ${predicted.length} and ${actual.length}`,
  );
}

/** The sum of numbers. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
