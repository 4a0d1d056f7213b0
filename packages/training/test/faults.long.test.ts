import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, it } from 'vitest';

import { checkFault, faultKinds, wholeRun } from './faults.ts';

describe('a disk that fails at every place', () => {
  let whole: Awaited<ReturnType<typeof wholeRun>>;
  beforeAll(async () => {
    await useBackend(cpu());
    whole = await wholeRun();
  });

  it.each(faultKinds.flatMap((kind) => [false, true].map((forever) => [kind, forever ? 'for ever' : 'once'] as const)))(
    '%s, %s',
    async (kind, lasting) => {
      for (let at = 0; at < whole.numChanges; at++)
        await checkFault({ kind, at, forever: lasting === 'for ever', weights: whole.weights });
    },
  );
});
