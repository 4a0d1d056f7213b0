import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, expect, it } from 'vitest';

import { wholeRun } from './faults.ts';
import { checkKill, moments } from './kills.ts';

describe('kill -9 at every write, flush and rename', () => {
  let whole: Awaited<ReturnType<typeof wholeRun>>;
  beforeAll(async () => {
    await useBackend(cpu());
    whole = await wholeRun();
  });

  it.each(moments)('%s the change', async (moment) => {
    expect(whole.numChanges).toBeGreaterThan(60);
    for (let at = 0; at < whole.numChanges; at++) await checkKill({ at, moment }, whole.weights);
  });
});
