/** What an example may be told. */
export interface ExampleOptions {
  /** Of all random numbers; default 1. */
  readonly seed?: number;
  /** How long to train; default as long as the example needs. */
  readonly steps?: number;
  /** Folder for the trained model; default none. */
  readonly out?: string;
  /** Takes what there is to say; default the console. */
  readonly log?: (line: string) => void;
}

/** Seconds since it was made. */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => (performance.now() - start) / 1000;
}
