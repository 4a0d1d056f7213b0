import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, expect, it } from 'vitest';

import { wholeRun } from './faults.ts';
import { checkKill, moments } from './kills.ts';
import { killAtRandom, placesTable } from './random-kills.ts';

describe('kill -9', () => {
  let whole: Awaited<ReturnType<typeof wholeRun>>;
  beforeAll(async () => {
    await useBackend(cpu());
    whole = await wholeRun();
  });

  it('at 200 random moments', async () => {
    const places = await killAtRandom({ count: 200, seed: 8, weights: whole.weights });
    console.log(`200 runs were killed in the middle of\n${placesTable(places)}`);
    const within = (pattern: RegExp): string[] => [...places.keys()].filter((place) => pattern.test(place));
    for (const kind of [/^training step/, /^(write|append|create) /, /^sync /, /^between steps/])
      expect(within(kind), String(kind)).not.toEqual([]);
  });

  it.each(moments)('at every write, flush and rename: %s the change', async (moment) => {
    expect(whole.numChanges).toBeGreaterThan(60);
    for (let at = 0; at < whole.numChanges; at++) await checkKill({ at, moment }, whole.weights);
  });
});
