/** How many steps the speed is measured over. */
const WINDOW = 20;

/** Measures the speed of steps, and leaves out what happens between {@link pause} and the next step. */
export class Throughput {
  readonly #now: () => number;
  #since: number;
  #steps: { tokens: number; seconds: number }[] = [];

  /** @param now Milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  /** A step has ended. */
  add(tokens: number): void {
    const now = this.#now();
    this.#steps = [...this.#steps, { tokens, seconds: (now - this.#since) / 1000 }].slice(-WINDOW);
    this.#since = now;
  }

  /** What came since the last step doesn't count. */
  pause(): void {
    this.#since = this.#now();
  }

  get tokensPerSecond(): number {
    const tokens = this.#steps.reduce((sum, step) => sum + step.tokens, 0);
    return tokens / Math.max(this.#seconds, 1e-9);
  }

  /** Of one step, in the mean. */
  get secondsPerStep(): number {
    return this.#seconds / Math.max(1, this.#steps.length);
  }

  get #seconds(): number {
    return this.#steps.reduce((sum, step) => sum + step.seconds, 0);
  }
}
