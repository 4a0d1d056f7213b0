/**
 * Works on one request at a time and forgets all that wait but the newest: a pen draws faster than a model answers, and only the last answer matters.
 */
export class LatestOnly<Request> {
  readonly #work: (request: Request) => Promise<void>;
  #isBusy = false;
  #waiting: { request: Request } | undefined;

  /** @param work Has to deal with its own errors. */
  constructor(work: (request: Request) => Promise<void>) {
    this.#work = work;
  }

  /** Takes a request, to be worked on now or next. */
  push(request: Request): void {
    this.#waiting = { request };
    if (!this.#isBusy) void this.#run();
  }

  /** Drops the request that waits. */
  clear(): void {
    this.#waiting = undefined;
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    try {
      while (this.#waiting !== undefined) {
        const { request } = this.#waiting;
        this.#waiting = undefined;
        await this.#work(request);
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
