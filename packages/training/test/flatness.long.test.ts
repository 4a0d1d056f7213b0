import { expect, it } from 'vitest';

import { families } from './families.ts';
import { expectFlat, measureMemory } from './flatness.ts';

it.each(Object.keys(families) as (keyof typeof families)[])('memory is flat over 1,000 steps: %s', async (family) => {
  const samples = await measureMemory(family, 1000);
  console.log(
    family,
    samples
      .filter(({ step }) => step % 200 === 0)
      .map(({ resident, reserved, numTensors }) => ({
        numTensors,
        wasmPages: reserved / 65536,
        residentMiB: (resident / 2 ** 20).toFixed(1),
      })),
  );
  expectFlat(samples);
  expect(samples.length).toBe(50);
});
