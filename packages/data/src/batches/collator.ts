import { RandomStream } from '@formers/backend';

/** Random numbers for the examples of a batch: they depend on the seed and on the example's place in the run, not on the size of batches. */
export class Draws {
  readonly seed: number;
  /** Number of the batch, from 0. */
  readonly step: number;
  /** How many examples the run has drawn before this batch. */
  readonly first: number;

  constructor({ seed, step, first }: { seed: number; step: number; first: number }) {
    this.seed = seed;
    this.step = step;
    this.first = first;
  }

  /** The stream of an objective for the example in row `row`. */
  stream(objective: string, row: number): RandomStream {
    return new RandomStream(this.seed, `${objective}.${this.first + row}`);
  }
}

/** Makes batches of examples: an objective, with padding. */
export interface Collator<Example, Batch> {
  /** Name and settings; a resumed run must have the same. */
  readonly identity: string;
  /** @returns A batch that the caller disposes. */
  collate(examples: readonly Example[], draws: Draws): Batch;
}
