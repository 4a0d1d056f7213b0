import { expect } from 'vitest';

import { CheckpointError, type CheckpointErrorCode } from '../../src/index.ts';

/** Runs `run`, which must throw a CheckpointError with this code, and returns it. No prototype may change on the way. */
export async function expectError(code: CheckpointErrorCode, run: () => unknown): Promise<CheckpointError> {
  const before = prototypeNames();
  let caught: unknown;
  try {
    await run();
  } catch (error) {
    caught = error;
  }
  expect(prototypeNames()).toEqual(before);
  expect(caught, `must throw a CheckpointError with code ${code}`).toBeInstanceOf(CheckpointError);
  const error = caught as CheckpointError; // see the line above
  expect(error.code, error.message).toBe(code);
  expect(error.message.length).toBeGreaterThan(10);
  return error;
}

/** Names on the prototypes that a careless reader could change. */
export function prototypeNames(): string[][] {
  return [Object, Array, Map, String, Function].map((constructor) => Object.getOwnPropertyNames(constructor.prototype));
}
