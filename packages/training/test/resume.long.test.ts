import { cpu, useBackend } from '@formers/backend';
import { beforeAll, describe, it } from 'vitest';

import { families } from './families.ts';
import { checkExactResume, type Interruption, optimizers, type ResumeCase, STEPS } from './resume.ts';

const kinds = Object.keys(optimizers) as ResumeCase['optimizer'][];
const cases: ResumeCase[] = (Object.keys(families) as ResumeCase['family'][]).flatMap((family) =>
  kinds.map((optimizer) => ({ family, optimizer })),
);

/** After each step, and in the middle of each one's accumulation but the first: nothing is saved before it. */
const places: Interruption[] = Array.from({ length: STEPS - 1 }, (_, i) => [
  { step: i + 1, inMiddle: false },
  { step: i + 1, inMiddle: true },
]).flat();

describe.each(cases)('exact resume of $family with $optimizer', (which) => {
  beforeAll(() => useBackend(cpu()));

  it('stopped at every step and in the middle of it', () =>
    checkExactResume(
      which,
      places.map((place) => [place]),
    ));

  it('stopped twice', () =>
    checkExactResume(which, [
      [{ step: 1, inMiddle: true }, { step: 2, inMiddle: true }], // prettier-ignore
      [{ step: 2, inMiddle: false }, { step: 5, inMiddle: true }], // prettier-ignore
    ]));
});
