/** A task that is ready to be timed. */
export interface TimedTask extends Disposable {
  /** Some of the numbers that the task gives; see `Prepared`. */
  readonly results: readonly (readonly number[])[];
  /** One step; of training, its loss. */
  step(): Promise<number> | number | Promise<void> | void;
  /** Waits for what steps left to a GPU; at the end of each measurement. */
  settle?(): Promise<void>;
}

/** Times steps, in milliseconds; each measurement is the mean of `repeats` steps. */
export async function timeSteps(
  task: TimedTask,
  { times, repeats }: { times: number; repeats: number },
): Promise<{ times: number[]; losses: number[] }> {
  const measured: number[] = [];
  const losses: number[] = [];
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    for (let repeat = 0; repeat < repeats; repeat++) {
      const result = task.step();
      const loss = result instanceof Promise ? await result : result;
      if (typeof loss === 'number') losses.push(loss);
    }
    if (task.settle) await task.settle();
    measured.push((performance.now() - start) / repeats);
  }
  return { times: measured, losses };
}
