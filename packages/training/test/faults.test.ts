import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, expect, it } from 'vitest';

import { checkFault, faultKinds, wholeRun } from './faults.ts';

/** A sample; `faults.long.test.ts` has every place. */
describe('a disk that fails', () => {
  let whole: Awaited<ReturnType<typeof wholeRun>>;
  beforeAll(async () => {
    await useBackend(cpu());
    whole = await wholeRun();
  });

  it.each(faultKinds.flatMap((kind) => [false, true].map((forever) => [kind, forever ? 'for ever' : 'once'] as const)))(
    '%s, %s',
    async (kind, lasting) => {
      expect(whole.numChanges).toBeGreaterThan(60);
      const first = faultKinds.indexOf(kind);
      for (let at = first; at < whole.numChanges; at += 11)
        await checkFault({ kind, at, forever: lasting === 'for ever', weights: whole.weights });
    },
  );
});
