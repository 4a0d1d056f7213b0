/** Longest time in which nothing else gets a turn, in milliseconds. */
const LONGEST = 20;

/** Gives the event loop a turn from time to time: on a CPU engine a run never waits, and signals, timers and pages would starve. */
export class Breather {
  #since = performance.now();

  /** Call it often; it waits rarely. */
  async breathe(): Promise<void> {
    if (performance.now() - this.#since < LONGEST) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#since = performance.now();
  }
}
