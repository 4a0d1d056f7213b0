import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import type { BenchCase } from '../src/harness/cases.ts';
import type { Contestant } from '../src/harness/contestants.ts';
import { ProcessPool } from '../src/harness/process-pool.ts';
import { runCase } from '../src/harness/run-case.ts';

/** A worker whose steps take as long as it says, with the results and losses that it is given. */
const WORKER = `
import { createInterface } from 'node:readline';
const { time = 1, results = [[1]], loss, fails } = JSON.parse(process.argv[2]);
const answer = (value) => console.log(JSON.stringify(value));
if (fails === 'start') { console.error('there is no such library'); process.exit(3); }
answer({ versions: {} });
for await (const line of createInterface({ input: process.stdin })) {
  const { request, times } = JSON.parse(line);
  if (request === fails) answer({ error: 'it cannot do that' });
  else if (request === 'prepare') answer({ results });
  else if (request === 'run') answer({ times: Array(times).fill(time), losses: loss === undefined ? [] : Array(times).fill(loss) });
  else answer({});
}`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'bench-test-'));
  await writeFile(path.join(folder, 'worker.mjs'), WORKER);
});
afterAll(() => rm(folder, { recursive: true }));

function contestant(id: string, behaviour: object): Contestant {
  const command = { file: process.execPath, args: [path.join(folder, 'worker.mjs'), JSON.stringify(behaviour)] };
  return { id, label: id, threads: 1, peer: id === 'ours' ? undefined : 'jax', makesAllSteps: id === 'ours', command };
}

const task = { suite: 'matmul', m: 1, k: 1, n: 1 } as const;
const effort = { steps: 7, rounds: 3, warmUp: 2, slowPeerTime: 1000, leastSteps: 2, leastTime: 2, mostRepeats: 100 };

async function run(
  ours: object,
  peer: object,
  of: 'results' | 'losses' = 'results',
  ofPeer: { tolerance?: number | 'none' } = {},
) {
  const benchCase: BenchCase = {
    name: 'case',
    title: 'case',
    entries: [
      { key: 'ours', contestant: contestant('ours', ours), task, work: 10 },
      { key: 'peer', contestant: contestant('peer', peer), task, work: 10, ...ofPeer },
    ],
    comparisons: [{ of: 'ours', to: 'peer', floor: 2 }],
    check: { of, tolerance: 1e-3 },
  };
  await using pool = new ProcessPool();
  return runCase(benchCase, { pool, effort, suite: 'test' });
}

describe('runCase', () => {
  it('counts the steps of all rounds without the warm-up, and holds the ratio against the floor', async () => {
    const { entries, comparisons, agreements } = await run({ time: 2 }, { time: 5 });
    expect(entries[0]).toMatchObject({ steps: 7, median: 2, best: 2, rate: 5 });
    expect(comparisons).toEqual([{ of: 'ours', to: 'peer', ratio: 2.5, bestRatio: 2.5, floor: 2, reached: true }]);
    expect(agreements).toEqual([{ of: 'ours', with: 'peer', difference: 0, tolerance: 1e-3, ok: true }]);
  });

  it('says that a floor is not reached, and lets a slow peer make fewer steps', async () => {
    const { entries, comparisons } = await run({ time: 600 }, { time: 300 });
    expect(entries.map(({ steps }) => steps)).toEqual([7, 3]);
    expect(comparisons[0]).toMatchObject({ ratio: 0.5, reached: false });
  });

  it('finds results that differ, by their size', async () => {
    const { agreements } = await run({ results: [[100]] }, { results: [[99]] });
    expect(agreements[0]).toMatchObject({ difference: 0.01, ok: false });
  });

  it('lets who computes in lower precision differ by more, or not be compared at all', async () => {
    const [mine, other] = [{ results: [[100]] }, { results: [[97]] }];
    const { agreements } = await run(mine, other, 'results', { tolerance: 0.05 });
    expect(agreements).toMatchObject([{ difference: 0.03, tolerance: 0.05, ok: true }]);
    expect((await run(mine, other, 'results', { tolerance: 0.02 })).agreements).toMatchObject([{ ok: false }]);
    expect((await run(mine, other, 'results', { tolerance: 'none' })).agreements).toEqual([]);
  });

  it('finds losses that differ, or are none', async () => {
    expect((await run({ loss: 1 }, { loss: 1.0005 }, 'losses')).agreements[0]).toMatchObject({
      ok: true,
      lastLosses: [1, 1.0005],
    });
    expect((await run({ loss: 1 }, { loss: 1.002 }, 'losses')).agreements[0]?.ok).toBe(false);
    expect((await run({ loss: null }, { loss: null }, 'losses')).agreements[0]?.ok).toBe(false); // NaN, in JSON
  });

  it.each([
    ['start', 'there is no such library'],
    ['prepare', 'it cannot do that'],
    ['run', 'it cannot do that'],
  ])('goes on without a peer that fails at %s', async (fails, reason) => {
    const { entries, comparisons, agreements } = await run({}, { fails });
    expect(entries[0]).toMatchObject({ steps: 7 });
    expect(entries[1]).toEqual({ key: 'peer', label: 'peer', threads: 1, absent: reason });
    expect(comparisons).toEqual([]);
    expect(agreements).toEqual([]);
  });
});
