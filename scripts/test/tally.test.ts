import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fail, pass, skip, total } from '../lib/tally.ts';
import { tallyReport } from '../lib/vitest.ts';
import { root } from '../lib/workspace.ts';

const assertion = { status: 'passed', title: 'works', fullName: 'suite works', ancestorTitles: ['suite'] };

test('a report counts single tests, names failures and groups what was skipped', () => {
  const tally = tallyReport({
    success: false,
    testResults: [
      {
        name: join(root, 'packages/nn/test/a.test.ts'),
        status: 'failed',
        assertionResults: [
          assertion,
          { ...assertion, status: 'failed', fullName: 'suite breaks' },
          { ...assertion, status: 'skipped', ancestorTitles: ['goldens (skipped: no ../shared)', 'inner'] },
          { ...assertion, status: 'pending', ancestorTitles: ['goldens (skipped: no ../shared)'] },
        ],
      },
      { name: join(root, 'packages/nn/test/broken.test.ts'), status: 'failed', assertionResults: [] },
    ],
  });
  expect(tally).toEqual({
    passed: 1,
    failed: 2,
    skipped: 2,
    failures: ['packages/nn/test/a.test.ts > suite breaks', 'packages/nn/test/broken.test.ts (the file itself)'],
    skips: ['packages/nn/test/a.test.ts > goldens (skipped: no ../shared): 2 tests'],
  });
});

test('tallies add up', () => {
  expect(total([pass, pass, fail('lint'), skip('browser (no Chromium)')])).toEqual({
    passed: 2,
    failed: 1,
    skipped: 1,
    failures: ['lint'],
    skips: ['browser (no Chromium)'],
  });
});
