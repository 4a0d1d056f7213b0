import { setTimeout as sleep } from 'node:timers/promises';

import type { Agreement, BenchCase, CaseResult, Comparison, ComparisonResult, Entry, EntryResult } from './cases.ts';
import type { ProcessPool } from './process-pool.ts';
import { stepsWithin, summarise, worstDifference, worstShare } from './statistics.ts';
import { WorkerError, type WorkerProcess } from './worker-process.ts';

/** How much is measured. */
export interface Effort {
  /** Steps on each side. */
  readonly steps: number;
  /** How often the contestants take turns. */
  readonly rounds: number;
  readonly warmUp: number;
  /** Milliseconds that a slow peer may take for its steps; it makes at least `leastSteps`. */
  readonly slowPeerTime: number;
  readonly leastSteps: number;
  /** Short steps are repeated until one measurement takes about this long, in milliseconds, */
  readonly leastTime: number;
  /** but not more often than this. */
  readonly mostRepeats: number;
}

const CPU_EFFORT = { leastTime: 2, mostRepeats: 100 } as const;
/** Of an effort on a GPU: the end of a measurement has to be waited for, which takes up to a millisecond itself. */
export const GPU_EFFORT = { leastTime: 20, mostRepeats: 1000 } as const;

/** What is measured by default, by `report` (which has to end), and by `--quick`. */
export const EFFORTS: Readonly<Record<'full' | 'report' | 'quick', Effort>> = {
  full: { steps: 20, rounds: 5, warmUp: 3, slowPeerTime: 60_000, leastSteps: 3, ...CPU_EFFORT },
  report: { steps: 20, rounds: 5, warmUp: 3, slowPeerTime: 5000, leastSteps: 3, ...CPU_EFFORT },
  quick: { steps: 4, rounds: 2, warmUp: 1, slowPeerTime: 4000, leastSteps: 1, ...CPU_EFFORT },
};

/** Threads of the one who just ran may spin a little; in milliseconds. */
const PAUSE = 20;

/** An entry while it is measured. */
interface Runner {
  readonly entry: Entry;
  readonly worker: WorkerProcess;
  readonly results: readonly (readonly number[])[];
  readonly times: number[];
  readonly losses: number[];
  repeats: number;
  steps: number;
}

/** Measures a case: all contestants in turn, so that a machine whose speed drifts is the same for all of them. */
export async function runCase(
  benchCase: BenchCase,
  { pool, effort, suite }: { pool: ProcessPool; effort: Effort; suite: string },
): Promise<CaseResult> {
  const absent = new Map<string, string>();
  const attempt = async <T>(entry: Entry, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      absent.set(entry.key, error.message);
      await pool.stop(entry.contestant);
      return undefined;
    }
  };

  const runners: Runner[] = [];
  for (const entry of benchCase.entries) {
    const runner = await attempt(entry, () => prepare(entry, pool));
    if (runner && (await attempt(entry, () => warmUp(runner, effort)))) runners.push(runner);
  }
  for (let round = 0; round < effort.rounds; round++)
    for (const runner of runners) {
      if (absent.has(runner.entry.key)) continue;
      const times = share(runner.steps, { round, rounds: effort.rounds });
      if (times > 0) await attempt(runner.entry, () => run(runner, times));
    }
  for (const { entry, worker } of runners)
    if (!absent.has(entry.key)) await attempt(entry, () => worker.ask({ request: 'drop', key: entry.key }));

  const finished = runners.filter(({ entry }) => !absent.has(entry.key));
  const entries = benchCase.entries.map((entry) => {
    const runner = finished.find((other) => other.entry === entry);
    return runner ? entryResult(runner) : { ...describe(entry), absent: absent.get(entry.key) ?? 'did not run' };
  });
  const { name, title, unit, check } = benchCase;
  return {
    suite,
    name,
    title,
    ...(unit !== undefined && { unit }),
    entries,
    comparisons: benchCase.comparisons.flatMap((comparison) => compare(comparison, finished)),
    checked: check.of,
    agreements: check.of === 'none' ? [] : agreements(finished, benchCase),
  };
}

async function prepare(entry: Entry, pool: ProcessPool): Promise<Runner> {
  const worker = await pool.worker(entry.contestant);
  const { results } = await worker.ask({ request: 'prepare', key: entry.key, task: entry.task });
  return {
    entry,
    worker,
    results: results.map((group) => group.map(asNumber)),
    times: [],
    losses: [],
    repeats: 1,
    steps: 0,
  };
}

/** Runs without counting, and decides from the time it takes how much there will be. */
async function warmUp(
  runner: Runner,
  { steps, warmUp, slowPeerTime, leastSteps, leastTime, mostRepeats }: Effort,
): Promise<true> {
  await run(runner, 1);
  const isSlow = (runner.times[0] as number) * steps > slowPeerTime;
  if (!isSlow && warmUp > 1) await run(runner, warmUp - 1);
  const time = Math.min(...runner.times);
  const limits = { wanted: steps, milliseconds: slowPeerTime, least: leastSteps };
  runner.steps = runner.entry.contestant.makesAllSteps ? steps : stepsWithin(time, limits);
  if (runner.entry.task.suite !== 'train') {
    const repeatsFor = (time: number): number => Math.min(mostRepeats, Math.max(1, Math.ceil(leastTime / time)));
    runner.repeats = repeatsFor(time);
    if (mostRepeats > 100 && runner.repeats > 1) {
      await run(runner, 1); // of repeated steps, the end is waited for once
      runner.repeats = repeatsFor(runner.times.at(-1) as number);
    }
  }
  runner.times.length = 0;
  return true;
}

async function run({ entry: { key }, worker, times, losses, repeats }: Runner, count: number): Promise<void> {
  const ran = await worker.ask({ request: 'run', key, times: count, repeats });
  times.push(...ran.times);
  losses.push(...(ran.losses ?? []).map(asNumber));
  await sleep(PAUSE);
}

/** JSON has no NaN. */
function asNumber(value: number | null): number {
  return value ?? Number.NaN;
}

/** Steps of a round: as even as they can be. */
function share(steps: number, { round, rounds }: { round: number; rounds: number }): number {
  return Math.floor(((round + 1) * steps) / rounds) - Math.floor((round * steps) / rounds);
}

function describe({ key, contestant, variant }: Entry): Pick<EntryResult, 'key' | 'label' | 'variant' | 'threads'> {
  return { key, label: contestant.label, threads: contestant.threads, ...(variant !== undefined && { variant }) };
}

function entryResult({ entry, times }: Runner): EntryResult {
  const { count, median, best } = summarise(times);
  const rate = entry.work === undefined ? {} : { rate: entry.work / median };
  return { ...describe(entry), steps: count, median, best, ...rate };
}

function compare({ of, to, floor }: Comparison, runners: readonly Runner[]): ComparisonResult[] {
  const [mine, other] = [of, to].map((key) => runners.find(({ entry }) => entry.key === key));
  if (!mine || !other) return [];
  const work = (mine.entry.work ?? 1) / (other.entry.work ?? 1);
  const [a, b] = [summarise(mine.times), summarise(other.times)];
  const ratio = (work * b.median) / a.median;
  const floored = floor === undefined ? {} : { floor, reached: ratio >= floor };
  return [{ of, to, ratio, bestRatio: (work * b.best) / a.best, ...floored }];
}

/** Ours against each peer with the same task and against ours with other settings, and all that are compared with the same task. */
function agreements(runners: readonly Runner[], { comparisons, check }: BenchCase): Agreement[] {
  const seen = new Map<string, Runner>(); // the first one of ours with each task
  const pairs: [Runner, Runner][] = [];
  const taskOf = ({ entry }: Runner): string => JSON.stringify(entry.task);
  for (const runner of runners) {
    const first = seen.get(taskOf(runner));
    if (first) pairs.push([first, runner]);
    else if (runner.entry.contestant.peer === undefined) seen.set(taskOf(runner), runner);
  }
  for (const { of, to } of comparisons) {
    const [mine, other] = [of, to].map((key) => runners.find(({ entry }) => entry.key === key));
    if (!mine || !other || taskOf(mine) !== taskOf(other)) continue;
    const isNew = !pairs.some((pair) => pair.includes(mine) && pair.includes(other));
    if (isNew) pairs.push([mine, other]);
  }
  return pairs.flatMap(([mine, other]) => agreement(mine, other, check));
}

/** How far two are apart; nothing where one of them can't be compared. */
function agreement(mine: Runner, other: Runner, { of, tolerance: usual }: BenchCase['check']): Agreement[] {
  const [a, b] = [mine.entry.tolerance ?? usual, other.entry.tolerance ?? usual];
  if (a === 'none' || b === 'none') return [];
  const tolerance = Math.max(a, b);
  const names = { of: mine.entry.key, with: other.entry.key };
  if (of === 'results') {
    const difference = worstShare(mine.results, other.results);
    return [{ ...names, difference, tolerance, ok: difference <= tolerance }];
  }
  const difference = worstDifference(mine.losses, other.losses);
  const last = Math.min(mine.losses.length, other.losses.length) - 1;
  const lastLosses = [mine.losses[last] ?? Number.NaN, other.losses[last] ?? Number.NaN] as const;
  return [{ ...names, difference, tolerance, ok: difference <= tolerance, lastLosses }];
}
