import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, it } from 'vitest';

import { checkExactResume } from './resume.ts';

/** A sample; `resume.long.test.ts` has all families, optimizers and steps. */
describe('exact resume', () => {
  beforeAll(() => useBackend(cpu()));

  it.each([
    { family: 'gpt', optimizer: 'Muon', stopAt: { step: 2, inMiddle: true } },
    { family: 'bert', optimizer: 'AdamW', stopAt: { step: 1, inMiddle: false } },
    { family: 'bert', optimizer: 'AMSGrad', stopAt: { step: 3, inMiddle: true } },
    { family: 't5', optimizer: 'Adafactor', stopAt: { step: 3, inMiddle: true } },
    { family: 'bart', optimizer: 'Lion', stopAt: { step: 4, inMiddle: false } },
    { family: 'transformer', optimizer: 'Adafactor', stopAt: { step: 1, inMiddle: true } },
    { family: 'vit', optimizer: 'SGD', stopAt: { step: 5, inMiddle: true } },
  ] as const)('$family with $optimizer, stopped at $stopAt', ({ stopAt, ...which }) =>
    checkExactResume(which, [[stopAt]]),
  );
});
