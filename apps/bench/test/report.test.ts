import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import type { CaseResult } from '../src/harness/cases.ts';
import { parseOptions, UsageError } from '../src/options.ts';
import { wrongResults } from '../src/report/document.ts';
import { documentMarkdown } from '../src/report/markdown.ts';
import { readDocument } from '../src/report/saved.ts';
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

const profile: CaseResult = {
  ...result,
  suite: 'profile',
  entries: [{ key: 'formers-webgpu', label: 'Formers', threads: 1, steps: 5, median: 12, best: 11 }],
  comparisons: [],
  agreements: [],
  kernels: [
    { label: 'product a|b', dispatches: 24, milliseconds: 7.5 },
    ...Array.from({ length: 16 }, (_, i) => ({ label: `small ${i}`, dispatches: 2, milliseconds: 0.15625 })),
  ],
};

describe('reports of a GPU', () => {
  it('show each kernel with its share of all of them, the rest as one', () => {
    const text = caseText(profile);
    expect(text).toContain('kernels take 10.0 ms of the GPU; the step, without a clock at each of them, 12.0 ms');
    expect(text).toMatch(/ 75 % +7\.50 ms +24 x +product a\|b\n/);
    expect(text).toMatch(/ 3\.1 % +0\.313 ms +4 x +2 others\n/);
    const markdown = documentMarkdown({ ...document, cases: [profile] });
    expect(markdown).toMatch(/^\| `product a\\\|b` +\| 24 +\| 7\.50 +\| 75 % +\|$/m);
  });

  it('name the GPU, say when it is none, and give rates as shares of its peak', () => {
    const entries = [{ ...result.entries[0]!, peakShare: 0.251 }, ...result.entries.slice(1)];
    const gpu = { name: 'A GPU', isSoftware: false };
    const markdown = documentMarkdown({ ...document, gpu, cuda: 'An H', cases: [{ ...result, entries }] });
    expect(markdown).toContain('in 2 min: A GPU (PyTorch: An H) at A CPU');
    expect(markdown).toContain('50.0 ms, 15.4 tokens/ms, 25 % of the peak');
    expect(documentMarkdown({ ...document, gpu: { ...gpu, isSoftware: true } })).toContain('NOT A GPU');
  });
});

describe('readDocument', () => {
  const options = parseOptions(['report', '--engine', 'webgpu', '--from', 'x.json']);
  const gpu = { name: 'A GPU', isSoftware: false };
  const read = async (content: object | string, engine: 'webgpu' | 'simd' = 'webgpu') => {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-saved-'));
    const file = path.join(folder, 'x.json');
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
    return readDocument(file, { ...options, engine }).finally(() => rm(folder, { recursive: true }));
  };

  it('reads what was measured on the engine that is asked for', async () => {
    expect(await read({ ...document, gpu })).toEqual({ ...document, gpu });
    expect(await read(document, 'simd')).toEqual(document);
  });

  it.each([
    ['{', /can't be read as JSON/],
    [{ cases: [] }, /is not a document of bench/],
    [{ ...document, gpu, quick: true }, /is of a quick run/],
    [document, /is of the processor: leave out --engine webgpu/],
    [{ ...document, gpu: { name: 'SwiftShader', isSoftware: true } }, /is of a GPU in software: SwiftShader/],
  ])('refuses %j', async (content, message) => {
    await expect(read(content)).rejects.toThrow(UsageError);
    await expect(read(content)).rejects.toThrow(message);
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
