import { ValueError } from '@formers/backend';

/** Options of every call of a pipeline. */
export interface CallOptions {
  /** How many inputs the model sees at once; default 8. */
  readonly batchSize?: number | undefined;
  /** Stops the call, which then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Hears after each batch how many of the inputs are done. */
  readonly onProgress?: ((progress: CallProgress) => void) | undefined;
}

/** How far a call is. */
export interface CallProgress {
  readonly done: number;
  readonly total: number;
}

/** Runs `run` on groups of inputs, one after another, and joins what it gives for each input; `start` is the number of a group's first input. */
export async function runBatches<Input, Result>(
  inputs: readonly Input[],
  { batchSize = 8, signal, onProgress }: CallOptions,
  run: (batch: readonly Input[], start: number) => Promise<readonly Result[]>,
): Promise<Result[]> {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ValueError(`pipeline: batchSize must be a whole number of at least 1, got ${batchSize}`);
  const results: Result[] = [];
  for (let start = 0; start < inputs.length; start += batchSize) {
    signal?.throwIfAborted();
    results.push(...(await run(inputs.slice(start, start + batchSize), start)));
    onProgress?.({ done: results.length, total: inputs.length });
  }
  signal?.throwIfAborted();
  return results;
}

/** The values of a tensor, which is freed. */
export async function takeValues(tensor: {
  data(): Promise<ArrayLike<number>>;
  dispose(): void;
}): Promise<Float32Array> {
  try {
    return Float32Array.from(await tensor.data());
  } finally {
    tensor.dispose();
  }
}
