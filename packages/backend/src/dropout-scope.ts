import { type RandomKey, randomKey, threefry2x32 } from './random.ts';

/** Where a training step stands in its random stream. */
export interface DropoutSeed {
  readonly seed: number;
  /** Number of the training step, so that each step drops other values. */
  readonly step: number;
  /** Number of the micro-batch within the step; default 0. */
  readonly microBatch?: number;
}

interface DropoutScope {
  readonly key: RandomKey;
  counter: number;
}

let activeScope: DropoutScope | undefined;

/**
 * Runs `f` with dropout on. Outside of such a scope models are in evaluation mode: there is no flag to forget. Masks depend on the seed, the step
 * and the order of the dropout calls alone.
 */
export function withDropout<T>({ seed, step, microBatch = 0 }: DropoutSeed, f: () => T): T {
  return inScope({ key: threefry2x32(randomKey(seed, 'dropout'), [step, microBatch]), counter: 0 }, f);
}

/** Runs `f` with dropout off. */
export function withoutDropout<T>(f: () => T): T {
  return inScope(undefined, f);
}

/** A fresh key for one dropout call; undefined when dropout is off. */
export function nextDropoutKey(): RandomKey | undefined {
  return activeScope && threefry2x32(activeScope.key, [activeScope.counter++, 0]);
}

/** Where the scope stands, to run a part of the model a second time with the same masks (gradient checkpointing). */
export function replayDropout(): <T>(f: () => T) => T {
  const scope = activeScope && { ...activeScope };
  return (f) => inScope(scope && { ...scope }, f);
}

function inScope<T>(scope: DropoutScope | undefined, f: () => T): T {
  const outer = activeScope;
  activeScope = scope;
  try {
    return f();
  } finally {
    activeScope = outer;
  }
}
