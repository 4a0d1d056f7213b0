import { RandomStream } from '@formers/backend';

/** Where the first weights of a model come from. */
export interface InitOptions {
  /** Of the random numbers; default 0. `null` leaves the weights at zero, to be loaded. */
  seed?: number | null;
  /** Of the parts that a checkpoint may lack, its head; default `seed`. */
  headSeed?: number;
}

/** The random stream of a part of a model's first weights: the base model draws from `init`, so that the same seed gives it the same weights under any head. */
export function initStream({ seed = 0, headSeed }: InitOptions, part = 'init'): RandomStream | null {
  const chosen = part === 'init' ? seed : (headSeed ?? seed);
  return chosen === null ? null : new RandomStream(chosen, part);
}
