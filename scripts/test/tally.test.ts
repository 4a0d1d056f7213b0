import { join } from 'node:path';
import { expect, test } from 'vitest';
import { conclusion, fail, pass, skip, total } from '../lib/tally.ts';
import { tallyReport } from '../lib/vitest.ts';
import { root } from '../lib/workspace.ts';

const assertion = {
  status: 'passed',
  title: 'works',
  fullName: 'suite works',
  ancestorTitles: ['suite'],
  failureMessages: [],
};

test('a report counts single tests, names failures and groups what was skipped', () => {
  const report = {
    success: false,
    testResults: [
      {
        name: join(root, 'packages/nn/test/a.test.ts'),
        status: 'failed',
        message: '',
        assertionResults: [
          assertion,
          {
            ...assertion,
            status: 'failed',
            fullName: 'suite breaks',
            failureMessages: [
              'AssertionError: expected 1\u001B[39m to be 2\n    at /a/test/a.test.ts:2:45\n    at file:///a/node_modules/vitest/run.js:1:2\n',
            ],
          },
          { ...assertion, status: 'skipped', ancestorTitles: ['goldens (skipped: no ../shared)', 'inner'] },
          { ...assertion, status: 'pending', ancestorTitles: ['goldens (skipped: no ../shared)'] },
        ],
      },
      {
        name: join(root, 'packages/nn/test/broken.test.ts'),
        status: 'failed',
        message: 'no such module',
        assertionResults: [],
      },
      { name: join(root, 'packages/nn/test/hook.test.ts'), status: 'failed', message: '', assertionResults: [] },
    ],
  };
  const output = ' \u001B[31mFAIL\u001B[0m  packages/nn/test/hook.test.ts > suite\nError: hook broke\n';
  const tally = tallyReport(report, output);
  expect(tally).toEqual({
    passed: 1,
    failed: 3,
    skipped: 2,
    failures: [
      'packages/nn/test/a.test.ts > suite breaks\nAssertionError: expected 1 to be 2\n    at /a/test/a.test.ts:2:45',
      'packages/nn/test/broken.test.ts (the file itself)\nno such module',
      'packages/nn/test/hook.test.ts (the file itself)\n FAIL  packages/nn/test/hook.test.ts > suite\nError: hook broke',
    ],
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

test('the conclusion names all failures, gives the reasons of ten, and ends with the counts', () => {
  const failures = Array.from({ length: 12 }, (_, i) => fail(`lint ${i}`, 'line 1\nline 2'));
  const lines = conclusion(total([...failures, pass]));
  expect(lines.slice(0, 5)).toEqual([
    '',
    'Failed:',
    '  lint 0\n      line 1\n      line 2',
    expect.any(String),
    expect.any(String),
  ]);
  expect(lines.slice(-4)).toEqual(['  lint 10', '  lint 11', '', '1 passed, 12 failed, 0 skipped']);
});
