import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

import type { BenchDocument } from '../src/report/document.ts';
import { runBench } from './run-bench.ts';

const README = path.join(import.meta.dirname, '../README.md');

test('bench report --engine webgpu --size tiny: every suite runs, says that this is no GPU, and leaves the README alone', async () => {
  const readme = await readFile(README, 'utf8');
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-gpu-'));
  const saved = path.join(folder, 'gpu.json');
  // Peers would take a minute, and PyTorch isn't everywhere: they are run by hand.
  const { code, stdout, stderr } = await runBench([
    'report',
    '--engine',
    'webgpu',
    '--size',
    'tiny',
    '--quick',
    '--peers',
    'none',
    '--save',
    saved,
  ]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout).toMatch(/is a GPU in software: no figure below says anything of a GPU/);
  expect(stdout).toContain('IN SOFTWARE: NOT A GPU');
  const { gpu, cases, quick } = JSON.parse(await readFile(saved, 'utf8')) as BenchDocument;
  expect(gpu).toMatchObject({ isSoftware: true });
  expect(quick).toBe(true);
  expect([...new Set(cases.map(({ suite }) => suite))]).toEqual(['matmul', 'train', 'infer', 'memory', 'profile']);
  const [peak, product] = cases;
  expect(peak?.entries[0]?.rate).toBeGreaterThan(0);
  const { rate = 0, peakShare } = product?.entries[0] ?? {};
  expect(peakShare).toBeCloseTo(rate / (peak?.entries[0]?.rate ?? Number.NaN), 6);
  const training = cases.find(({ suite }) => suite === 'train');
  expect(training?.agreements).toMatchObject([{ of: 'formers-webgpu', with: 'formers-webgpu-f16', ok: true }]);
  const [passes] = cases.filter(({ suite }) => suite === 'infer');
  expect(passes?.agreements).toMatchObject([{ with: 'formers-webgpu-f16', ok: true }]);
  expect(passes?.agreements[0]?.difference).toBeGreaterThan(0); // its weights are halves
  const { kernels = [] } = cases.find(({ suite }) => suite === 'profile') ?? {};
  const times = kernels.map(({ milliseconds }) => milliseconds);
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(times.every((time) => time >= 0) && times.some((time) => time > 0)).toBe(true);
  // Two layers: each has four products forward, and eight backward.
  const count = (name: string): number =>
    kernels.filter(({ label }) => label.startsWith(name)).reduce((sum, { dispatches }) => sum + dispatches, 0);
  expect(count('product')).toBeGreaterThanOrEqual(24);
  expect(count('AdamW')).toBe(1);
  expect(await readFile(README, 'utf8')).toBe(readme);
  await rm(folder, { recursive: true });
}, 600_000);

test('bench report --engine webgpu refuses a GPU in software, before it measures anything', async () => {
  const { code, stdout, stderr } = await runBench(['report', '--engine', 'webgpu']);
  expect(code).toBe(1);
  expect(stdout).toBe('');
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/is a GPU in software: .* nothing is measured and the README is left as it is/);
}, 300_000);
