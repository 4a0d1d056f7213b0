import { expect, it } from 'vitest';

import { expectFlat, measureMemory } from './flatness.ts';

/** `flatness.long.test.ts` has all families. */
it('memory is flat over 1,000 steps with evaluations and checkpoints: gpt', { timeout: 300_000 }, async () => {
  const samples = await measureMemory('gpt', 1000);
  expectFlat(samples);
  const leaking = samples.map((sample) => ({ ...sample, resident: sample.resident + 8192 * sample.step }));
  expect(() => expectFlat(leaking)).toThrow('growth of resident memory'); // 8 KB a step would be seen
});
