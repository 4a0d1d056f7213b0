import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, expect, it } from 'vitest';

import { wholeRun } from './faults.ts';
import { checkKill, moments } from './kills.ts';

const COUNT = 20;

/** A sample; `kills.long.test.ts` has every place. */
describe('kill -9 at writes, flushes and renames', () => {
  let whole: Awaited<ReturnType<typeof wholeRun>>;
  beforeAll(async () => {
    await useBackend(cpu());
    whole = await wholeRun();
  });

  it.each(Array.from({ length: COUNT }, (_, i) => i))('point %i of 20', async (i) => {
    const at = Math.floor(((i + 0.5) * whole.numChanges) / COUNT);
    expect(at).toBeLessThan(whole.numChanges);
    await checkKill({ at, moment: moments[i % 3]! }, whole.weights);
  });
});
