import { ConfigError } from '@formers/backend';

import { DataError } from '../errors.ts';

/** What batches depend on; plain JSON. */
export interface BatchesIdentity {
  readonly [key: string]: number | string | boolean;
}

/** What batches depend on, and the next step; plain JSON. */
export type BatchesState = BatchesIdentity & { readonly step: number };

/** @throws {@link ConfigError} unless `value` is a whole number from `least`. */
export function checkWhole(name: string, value: number, least = 1): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ConfigError(`${name} must be a whole number from ${least}, got ${value}`);
}

/**
 * The step of a state.
 *
 * @throws {@link DataError} `state` naming all that differs from these batches.
 */
export function stepOf({ step, ...saved }: BatchesState, own: BatchesIdentity): number {
  const differences = Object.entries(own)
    .filter(([key, value]) => saved[key] !== value)
    .map(([key, value]) => `${key} was ${saved[key]}, is ${value}`);
  if (differences.length > 0) throw new DataError('state', `the state is of other batches: ${differences.join('; ')}`);
  if (Number.isSafeInteger(step) && step >= 0) return step;
  throw new DataError('state', `state.step must be a whole number from 0, got ${step}`);
}
