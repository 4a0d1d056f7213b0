import { dispose, type Tensor, tensor_util } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

import { counts } from './engine.ts';

/** Runs `f`, which frees what it makes, and fails if tensors or buffers are left, also when it throws. */
export async function expectNoLeak<T>(f: () => T | Promise<T>): Promise<T> {
  const before = counts();
  try {
    return await f();
  } finally {
    expect(counts(), 'tensors and buffers that are left').toEqual(before);
  }
}

/** Checks "borrow in, own out": `f` leaves exactly the tensors that it returns, and frees nothing that was there. */
export function expectOwned(f: () => object): void {
  const before = counts();
  const result = f();
  const owned = new Set(tensorsIn(result));
  expect(counts().tensors - before.tensors, 'tensors made, and tensors returned').toBe(owned.size);
  dispose([...owned]);
  expect(counts(), 'tensors and buffers that are left').toEqual(before);
}

/** Fails unless `f` throws an error with this code and text, and leaves no tensor behind. Returns the error. */
export async function expectError(
  f: () => unknown,
  { code, message }: { code: string; message: string | RegExp },
): Promise<Error> {
  const before = counts();
  let error: unknown;
  try {
    await f();
  } catch (thrown) {
    error = thrown;
  }
  expect(error, 'what was thrown').toBeInstanceOf(Error);
  expect((error as Error & { code?: unknown }).code).toBe(code);
  expect((error as Error).message).toMatch(message);
  expect(counts(), 'tensors and buffers left by the error').toEqual(before);
  return error as Error;
}

function tensorsIn(result: object): Tensor[] {
  return tensor_util.getTensorsInContainer(result as Parameters<typeof tensor_util.getTensorsInContainer>[0]);
}
