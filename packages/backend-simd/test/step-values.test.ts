import { cpu, stepValues, useBackend } from '@formers/backend';
import { scalar, tensor1d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { simd } from '../src/index.ts';

/** Gradients, losses, and what the step before left. */
interface Step {
  readonly gradients: readonly number[][];
  readonly losses: readonly number[];
  readonly share: number;
  readonly clipNorm?: number;
  readonly previous?: readonly number[];
}

const STEPS: Readonly<Record<string, Step>> = {
  clipped: { gradients: [[3, 0, 4], [12]], losses: [1.5], share: 1, clipNorm: 0.1 },
  'not clipped': { gradients: [[3, 4]], losses: [1, 2], share: 0.5, clipNorm: 10 },
  'without clipping': { gradients: [[3, 4]], losses: [2], share: 0.25 },
  'a gradient that is not finite': { gradients: [[3, Number.NaN]], losses: [2], share: 1, clipNorm: 1 },
  'a loss that is not finite': { gradients: [[3, 4]], losses: [1, Infinity], share: 1, clipNorm: 1 },
  'after a step that was finite': { gradients: [[3]], losses: [1], share: 1, previous: [1, 0.5, 2] },
  'after a step that was not finite': { gradients: [[3]], losses: [1], share: 1, previous: [1, -1, 2] },
  'many numbers': {
    gradients: [Array.from({ length: 40_000 }, (_, i) => Math.sin(i))],
    losses: [1],
    share: 1,
    clipNorm: 1,
  },
};

/** `values` and the scale of the gradients. */
async function run(step: Step, engine: Parameters<typeof useBackend>[0]): Promise<[values: number[], scale: number]> {
  await useBackend(engine);
  const gradients = step.gradients.map((values) => tensor1d(values));
  const losses = step.losses.map((loss) => scalar(loss));
  const previous = step.previous && tensor1d([...step.previous]);
  const made = stepValues(gradients, { ...step, losses, previous });
  const values = [...made.values.dataSync()];
  const [scale] = made.gradientScale.dataSync();
  for (const tensor of [...gradients, ...losses, previous, made.values, made.gradientScale]) tensor?.dispose();
  return [values, scale as number];
}

describe.each(Object.entries(STEPS))('values of a step: %s', (_, step) => {
  test.each([1, 2])('%i threads give what the composition gives', async (threads) => {
    const [expected, expectedScale] = await run(step, cpu());
    const [values, scale] = await run(step, simd({ threads }));
    expect(values).toHaveLength(expected.length);
    values.forEach((value, i) => {
      const wanted = expected[i] as number;
      if (Number.isFinite(wanted)) expect(Math.abs(value / wanted - 1)).toBeLessThan(1e-5);
      else expect(value).toEqual(wanted);
    });
    expect(Math.abs(scale / expectedScale - 1)).toBeLessThan(1e-5);
  });
});

test('a clipped step, by hand', async () => {
  const [values, scale] = await run(STEPS['clipped'] as Step, simd({ threads: 1 }));
  expect(values[0]).toBe(13);
  expect(values[1]).toBeCloseTo(0.1 / 13, 6);
  expect(values[2]).toBe(1.5);
  expect(scale).toBeCloseTo(0.1 / 13, 6);
});
