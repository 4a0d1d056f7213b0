import { describe, expect, it } from 'vitest';

import type { BenchDocument } from '../src/report/document.ts';
import { runBench } from './run-bench.ts';

describe('bench', () => {
  it('measures a tiny training run alone and prints one JSON document', async () => {
    const { code, stdout } = await runBench(['train', '--size', 'tiny', '--quick', '--peers', 'none', '--json']);
    expect(code).toBe(0);
    const document = JSON.parse(stdout) as BenchDocument;
    expect(document).toMatchObject({ quick: true, versions: { node: process.versions.node } });
    const [first] = document.cases;
    expect(first).toMatchObject({ suite: 'train', checked: 'losses' });
    expect(first?.entries[0]).toMatchObject({ label: 'Formers', steps: 4 });
    expect(first?.entries[0]?.median).toBeGreaterThan(0);
  });

  it('runs a product on the plain engine and prints it in lines', async () => {
    const { code, stdout } = await runBench([
      'ops',
      '--only',
      'split of heads',
      '--quick',
      '--peers',
      'none',
      '--engine',
      'cpu',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^split of heads 8x256x6x64\n {2}Formers on tfjs-cpu +median [\d.]+ ms/m);
  });

  it.each([
    [['train', '--size', 'huge'], 'bench: --size must be one of'],
    [['matmul', '--only', 'no such case', '--peers', 'none'], 'bench: no case has such a name'],
  ])('ends %j with one line and exit code 1', async (args, message) => {
    const { code, stderr, stdout } = await runBench(args);
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(message);
    expect(stdout).not.toContain('median');
  });
});
