/** A gate that can be shut, and a clock that stands still meanwhile. */
export class Pausable {
  #gate: { readonly opened: Promise<void>; readonly open: () => void } | undefined;
  readonly #clock: () => number;
  /** When the clock was stopped; undefined while it runs. */
  #stoppedAt: number | undefined;
  #lost = 0;

  /** @param clock Milliseconds. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Milliseconds, those while it was paused or {@link aside} not counted. */
  now(): number {
    return (this.#stoppedAt ?? this.#clock()) - this.#lost;
  }

  pause(): void {
    if (this.#gate) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#gate = { opened: promise, open: resolve };
  }

  resume(): void {
    this.#gate?.open();
    this.#gate = undefined;
  }

  /** Waits while it is paused; the clock stands still until then. */
  async passed(): Promise<void> {
    while (this.#gate) await this.aside(() => this.#gate?.opened);
  }

  /** Work that the clock doesn't count. */
  async aside<Result>(work: () => Promise<Result> | Result): Promise<Result> {
    this.#stoppedAt = this.#clock();
    try {
      return await work();
    } finally {
      this.#lost += this.#clock() - this.#stoppedAt;
      this.#stoppedAt = undefined;
    }
  }
}
