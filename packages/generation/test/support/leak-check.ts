import { cpu, useBackend } from '@formers/backend';
import { memory } from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, expect } from 'vitest';

/** Starts an engine for the tests of a file; each of them has to leave as many tensors as it found. */
export function useEngineAndCheckLeaks(): void {
  let before = 0;
  beforeAll(async () => {
    await useBackend(cpu());
  });
  beforeEach(() => {
    before = memory().numTensors;
  });
  afterEach(() => {
    expect(memory().numTensors).toBe(before);
  });
}
