import { describe, expect, it } from 'vitest';

import type { CaseResult } from '../src/harness/cases.ts';
import { wrongResults } from '../src/report/document.ts';
import { documentMarkdown } from '../src/report/markdown.ts';
import { caseText } from '../src/report/text.ts';

const result: CaseResult = {
  suite: 'train',
  name: 'a 2',
  title: '(a); 2 threads',
  unit: 'tokens/ms',
  entries: [
    { key: 'formers', label: 'Formers', threads: 2, steps: 20, median: 50, best: 40, rate: 15.36 },
    { key: 'torch', label: 'PyTorch', threads: 2, steps: 20, median: 40, best: 40, rate: 19.2 },
    { key: 'jax', label: 'jax-js', threads: 2, steps: 3, median: 250, best: 240, rate: 3.07 },
    { key: 'tfjs', label: 'tfjs-wasm', threads: 1, absent: 'lacks a kernel' },
  ],
  comparisons: [
    { of: 'formers', to: 'torch', ratio: 0.8, bestRatio: 1, floor: 1, reached: false },
    { of: 'formers', to: 'jax', ratio: 5, bestRatio: 6, floor: 4, reached: true },
  ],
  checked: 'losses',
  agreements: [
    { of: 'formers', with: 'torch', difference: 2e-6, tolerance: 1e-3, ok: true, lastLosses: [3.25, 3.250002] },
    { of: 'formers', with: 'jax', difference: 3e-6, tolerance: 1e-3, ok: true },
  ],
};

const document = {
  date: '2026-11-23T12:00:00.000Z',
  machine: { cpu: 'A CPU', cores: 2, memoryGigabytes: 24, system: 'linux', load: 0.1 },
  versions: { torch: '2.15' },
  features: 'avx2',
  quick: false,
  seconds: 90,
  cases: [result],
  notes: [],
};

describe('caseText', () => {
  it('prints medians, bests, ratios with floors, and how far the losses are apart', () => {
    const text = caseText(result);
    expect(text).toContain('median 50.0 ms  best 40.0 ms  (20 steps)  15.4 tokens/ms');
    expect(text).toContain('0.80x (bests 1.00x), floor 1x: not reached; losses differ by 2.0e-6 (3.2500 and 3.2500)');
    expect(text).toContain('5.00x (bests 6.00x), floor 4x: reached; losses differ by 3.0e-6');
    expect(text).toContain('absent: lacks a kernel');
  });
});

describe('documentMarkdown', () => {
  it('says when, where and with what, and has a row for every comparison and every absence', () => {
    const markdown = documentMarkdown(document);
    expect(markdown).toContain('Measured on 2026-11-23 in 2 min: A CPU, 2 cores, 24 GB');
    expect(markdown).toContain('torch 2.15');
    const rows = markdown.split('\n').filter((line) => line.startsWith('|'));
    expect(rows).toHaveLength(2 + 2 + 1);
    expect(new Set(rows.map((row) => row.split('|').length)).size).toBe(1);
    expect(rows[2]).toMatch(
      /\(a\); 2 threads .*\| 50\.0 ms, 15\.4 tokens\/ms +\| PyTorch.*\| 40\.0 ms, 19\.2 tokens\/ms +\| 0\.80 .*\| 1 .*\| not reached \| 2e-6/,
    );
    expect(rows[3]).toContain('250 ms, 3.07 tokens/ms (3 steps)');
    expect(rows[4]).toContain('lacks a kernel');
  });
});

describe('wrongResults', () => {
  it('finds nothing in slow results and absent peers', () => {
    expect(wrongResults([result])).toEqual([]);
  });

  it('finds losses that are apart, and ours failing', () => {
    const [mine, ...others] = result.entries;
    const apart = { of: 'formers', with: 'torch', difference: 0.1, tolerance: 1e-3, ok: false };
    expect(wrongResults([{ ...result, agreements: [apart] }])).toEqual([
      'train, (a); 2 threads: formers and torch differ by 1.0e-1',
    ]);
    const failed = { ...mine!, absent: 'out of memory' };
    expect(wrongResults([{ ...result, entries: [failed, ...others] }])).toHaveLength(1);
  });
});
