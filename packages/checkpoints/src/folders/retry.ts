import type { CheckpointError } from '../errors.ts';

/** How often and how fast something is tried again. */
export interface RetryOptions {
  /** Further tries after the first one. */
  readonly retries: number;
  /** Milliseconds before the second try; each further wait is twice as long. */
  readonly retryDelay: number;
  readonly signal?: AbortSignal | undefined;
}

/** A failure that may pass, such as a lost connection. */
export class TransientFailure {
  readonly error: CheckpointError;

  constructor(error: CheckpointError) {
    this.error = error;
  }
}

/** Runs `attempt` again while it throws a {@link TransientFailure} and tries are left; then throws its error. An abort ends it at once. */
export async function withRetries<Result>(
  attempt: () => Promise<Result>,
  { retries, retryDelay, signal }: RetryOptions,
): Promise<Result> {
  for (let tried = 0; ; tried++) {
    try {
      return await attempt();
    } catch (failure) {
      signal?.throwIfAborted();
      if (!(failure instanceof TransientFailure)) throw failure;
      if (tried >= retries) throw failure.error;
      await wait(retryDelay * 2 ** tried, signal);
    }
  }
}

/** Waits for some milliseconds, or throws the signal's reason. */
async function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
  signal?.throwIfAborted();
}
