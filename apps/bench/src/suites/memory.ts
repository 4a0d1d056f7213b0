import type { CaseResult, ComparisonResult, EntryResult } from '../harness/cases.ts';
import type { Contestant } from '../harness/contestants.ts';
import type { ProcessPool } from '../harness/process-pool.ts';
import type { TrainTask } from '../harness/tasks.ts';
import { WorkerError } from '../harness/worker-process.ts';
import type { Lineup } from './lineup.ts';
import type { NamedSize } from './train-sizes.ts';

/** What a training step of ours may add, as a multiple of what it adds to PyTorch's process. */
const MOST = 1.3;
const STEPS = 5;

/** What is measured of a size. */
export interface MemoryCase {
  readonly name: string;
  readonly title: string;
  readonly task: TrainTask;
  /** A small model to train first, so that what libraries load at their first steps isn't counted. */
  readonly warmUp?: TrainTask | undefined;
  readonly ours: Contestant;
  readonly peers: readonly Contestant[];
  /** The most that ours may add, as a multiple of a peer's. */
  readonly ceiling?: number | undefined;
}

/** A size on the processor: against PyTorch, on two threads where there are two. */
export function memoryCase(
  line: Lineup,
  { name, named, task, warmUp }: Pick<MemoryCase, 'name' | 'task' | 'warmUp'> & { named: NamedSize },
): MemoryCase {
  const [threads = 1] = line.threads(2);
  const isFloored = named.floors !== undefined && line.options.engine === 'simd';
  return {
    name,
    title: `${named.title}; ${threads} thread${threads === 1 ? '' : 's'}${warmUp ? '; libraries warm' : ''}`,
    task,
    warmUp,
    ours: line.formers(threads),
    peers: line.peers(threads, ['torch']),
    ceiling: isFloored ? MOST : undefined,
  };
}

/** What training steps add to the resident memory of an idle process that holds the model, or take of a GPU's: each contestant in a fresh process. */
export async function measureMemoryOf(
  { name, title, task, warmUp, ours, peers, ceiling }: MemoryCase,
  pool: ProcessPool,
): Promise<CaseResult> {
  const request = { request: 'memory', task, steps: STEPS, ...(warmUp && { warmUp }) } as const;
  const measure = async (contestant: Contestant): Promise<EntryResult> => {
    const base = { key: contestant.id, label: contestant.label, threads: contestant.threads };
    try {
      const { idle, peak } = await (await pool.worker(contestant)).ask(request);
      return { ...base, steps: STEPS, idleMegabytes: idle / 2 ** 20, addedMegabytes: (peak - idle) / 2 ** 20 };
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      return { ...base, absent: error.message };
    } finally {
      await pool.stop(contestant);
    }
  };
  const mine = await measure(ours);
  const others: EntryResult[] = [];
  for (const peer of peers) others.push(await measure(peer));
  return {
    suite: 'memory',
    name,
    title,
    entries: [mine, ...others],
    comparisons: others.flatMap((other) => compare(mine, other, ceiling)),
    checked: 'none',
    agreements: [],
  };
}

function compare(ours: EntryResult, peer: EntryResult, ceiling: number | undefined): ComparisonResult[] {
  if (ours.addedMegabytes === undefined || peer.addedMegabytes === undefined) return [];
  const ratio = ours.addedMegabytes / peer.addedMegabytes;
  return [{ of: ours.key, to: peer.key, ratio, ...(ceiling !== undefined && { ceiling, reached: ratio <= ceiling }) }];
}
