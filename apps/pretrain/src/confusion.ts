/** How often images of each class (rows) were taken for each class (columns). */
export class ConfusionMatrix {
  readonly labels: readonly string[];
  readonly #counts: number[][];

  constructor(labels: readonly string[]) {
    this.labels = labels;
    this.#counts = labels.map(() => labels.map(() => 0));
  }

  /** Counts one image. */
  add(actual: number, predicted: number): void {
    const row = this.#counts[actual];
    if (row?.[predicted] === undefined)
      throw new RangeError(
        `ConfusionMatrix: classes must be below ${this.labels.length}, got ${actual} and ${predicted}`,
      );
    row[predicted]++;
  }

  /** Counts by actual and predicted class. */
  get counts(): readonly (readonly number[])[] {
    return this.#counts;
  }

  /** Share of the images that were taken for what they are; NaN without any. */
  get accuracy(): number {
    const total = this.#counts.flat().reduce((sum, count) => sum + count, 0);
    return this.#counts.reduce((sum, row, i) => sum + (row[i] ?? 0), 0) / total;
  }

  /** Precision, recall and F1 of each class, in the order of the labels. */
  scores(): { label: string; precision: number; recall: number; f1: number; support: number }[] {
    return this.labels.map((label, i) => {
      const hits = this.#counts[i]?.[i] ?? 0;
      const support = (this.#counts[i] ?? []).reduce((sum, count) => sum + count, 0);
      const predicted = this.#counts.reduce((sum, row) => sum + (row[i] ?? 0), 0);
      const [precision, recall] = [predicted === 0 ? 0 : hits / predicted, support === 0 ? 0 : hits / support];
      return {
        label,
        precision,
        recall,
        f1: hits === 0 ? 0 : (2 * precision * recall) / (precision + recall),
        support,
      };
    });
  }

  /** A report per class and the matrix, as lines of text. */
  toString(): string {
    const width = Math.max(7, ...this.labels.map(({ length }) => length)) + 1;
    const cell = (value: string | number): string => String(value).padStart(width);
    const report = this.scores().map(
      ({ label, precision, recall, f1, support }) =>
        cell(label) + [precision, recall, f1].map((score) => cell(score.toFixed(3))).join('') + cell(support),
    );
    const matrix = this.#counts.map((row, i) => cell(this.labels[i] ?? '') + row.map(cell).join(''));
    return [
      `${cell('class')}${['precis.', 'recall', 'F1', 'images'].map(cell).join('')}`,
      ...report,
      '',
      `${cell('is \\ as')}${this.labels.map(cell).join('')}`,
      ...matrix,
    ].join('\n');
  }
}
