import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, expect, it } from 'vitest';

import { wholeRun } from './faults.ts';
import { checkKill, moments } from './kills.ts';
import { killAtRandom } from './random-kills.ts';

const COUNT = 20;

/** A sample; `kills.long.test.ts` has every place, and 200 random moments. */
describe('kill -9', () => {
  let whole: Awaited<ReturnType<typeof wholeRun>>;
  beforeAll(async () => {
    await useBackend(cpu());
    whole = await wholeRun();
  });

  it('at 20 random moments', { timeout: 180_000 }, async () => {
    const places = await killAtRandom({ count: COUNT, seed: 1, weights: whole.weights });
    expect(places.size).toBeGreaterThan(2);
  });

  it.each(Array.from({ length: COUNT }, (_, i) => i))('at writes, flushes and renames, point %i of 20', async (i) => {
    const at = Math.floor(((i + 0.5) * whole.numChanges) / COUNT);
    expect(at).toBeLessThan(whole.numChanges);
    await checkKill({ at, moment: moments[i % 3]! }, whole.weights);
  });
});
