import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { root } from '../lib/workspace.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'formers-ci-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/**
 * Runs a copy of `.ci/run` some of whose stages are lines of shell, and gives the lines that it prints, its exit code, and how many other stages there were: each
 * of them passes one check.
 */
function ci(stages: Readonly<Record<string, string>>): { lines: string[]; status: number | null; others: number } {
  for (const name of ['clone/.ci', 'bin', 'shared/fixtures']) mkdirSync(join(folder, name), { recursive: true });
  copyFileSync(join(root, '.ci/run'), join(folder, 'clone/.ci/run'));
  writeFileSync(join(folder, 'clone/package.json'), '{"scripts":{"parity": ""}}');
  const cases = Object.entries(stages).map(([line, shell]) => `'pnpm@12 ${line}')\n${shell}\n;;\n`);
  const rest = `*) printf '\\n1 passed, 0 failed\\n';;`;
  const programs = { npx: `case "$*" in\n${cases.join('')}${rest}\nesac\n`, chromium: '' };
  for (const [name, shell] of Object.entries(programs)) {
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${shell}`);
    chmodSync(join(folder, 'bin', name), 0o755);
  }
  const { stdout, status } = spawnSync('bash', [join(folder, 'clone/.ci/run')], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${join(folder, 'bin')}${delimiter}${process.env['PATH'] ?? ''}` },
  });
  const lines = stdout.trimEnd().split('\n');
  const others = lines.filter((line) => line.startsWith('== npx ')).length - Object.keys(stages).length;
  return { lines, status, others };
}

/** What stands below the last headline. */
function end(lines: readonly string[]): string[] {
  return lines.slice(lines.indexOf('== what failed'));
}

describe('.ci/run', () => {
  test('sums the counts of all stages; nothing else follows when all pass', () => {
    const { lines, status, others } = ci({ test: `echo '5 passed, 0 failed, 2 skipped'` });
    expect(others).toBeGreaterThan(2);
    expect(lines.at(-1)).toBe(`${5 + others} passed, 0 failed, 2 skipped`);
    expect(lines).not.toContain('== what failed');
    expect(status).toBe(0);
  });

  test('repeats what failed right before the last line: lists with reasons, cases of parity', () => {
    const { lines, status, others } = ci({
      test: `printf 'Failed:\\n  an earlier list\\nlint FAILED\\n\\nFailed:\\n  lint (oxlint)\\n      a.ts:1 wrong\\n  a.test.ts > adds\\n\\n7 passed, 2 failed, 1 skipped\\n'; exit 1`,
      'parity ../shared/fixtures': `printf 'unsupported  x\\nFAIL         models  gpt2\\n\\nengine cpu\\n9 passed, 1 failed\\n'; exit 1`,
    });
    expect(end(lines)).toEqual([
      '== what failed',
      'npx pnpm@12 test (exit code 1)',
      '  lint (oxlint)',
      '      a.ts:1 wrong',
      '  a.test.ts > adds',
      'npx pnpm@12 parity ../shared/fixtures (exit code 1)',
      '  FAIL         models  gpt2',
      '',
      `${16 + others} passed, 3 failed, 1 skipped`,
    ]);
    expect(status).toBe(1);
  });

  test('shows the last 20 lines of a stage that ends early, or fails without naming anything', () => {
    const { lines, status, others } = ci({
      test: `seq 1 30; exit 137`,
      'test:browser': `printf '3 passed, 0 failed, 0 skipped\\nElifecycle\\n'; exit 2`,
    });
    const ended = end(lines);
    expect(ended.slice(0, 3)).toEqual(['== what failed', 'npx pnpm@12 test (exit code 137)', '  11']);
    expect(ended.slice(20)).toEqual([
      '  29',
      '  30',
      'npx pnpm@12 test:browser (exit code 2)',
      '  3 passed, 0 failed, 0 skipped',
      '  Elifecycle',
      '',
      `${3 + others} passed, 2 failed, 0 skipped`,
    ]);
    expect(status).toBe(1);
  });
});
