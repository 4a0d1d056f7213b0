import { cpu, type EngineFactory, useBackend } from '@formers/backend';
import { engine, memory } from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';

/**
 * Starts an engine for the tests of a file. Each test runs in a scope of its own that frees the tensors it made; what survives that (variables not
 * disposed, tensors kept) fails the test as a leak. What a function under test leaves in the scope is the business of `expectOwned`.
 *
 * @param factory Default: tfjs's plain JavaScript engine.
 */
export function useEngineForTests(factory: EngineFactory = cpu()): void {
  let before = { tensors: 0, buffers: 0 };
  beforeAll(async () => {
    await useBackend(factory);
  });
  beforeEach(() => {
    before = counts();
    engine().startScope('test');
  });
  afterEach(() => {
    engine().endScope();
    expect(counts(), 'tensors and buffers that the test leaked').toEqual(before);
  });
}

/** How many tensors, and how many buffers behind them, there are. */
export function counts(): { tensors: number; buffers: number } {
  const { numTensors, numDataBuffers } = memory();
  return { tensors: numTensors, buffers: numDataBuffers };
}
