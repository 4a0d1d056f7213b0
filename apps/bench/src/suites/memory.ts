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
  readonly named: NamedSize;
  readonly task: TrainTask;
  /** A small model to train first, so that what libraries load at their first steps isn't counted. */
  readonly warmUp?: TrainTask;
}

/** What training steps add to the resident memory of an idle process that holds the model: each contestant in a fresh process. */
export async function measureMemoryOf(
  line: Lineup,
  { name, named, task, warmUp, pool }: MemoryCase & { pool: ProcessPool },
): Promise<CaseResult> {
  const [threads = 1] = line.threads(2);
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
  const ours = await measure(line.formers(threads));
  const peers: EntryResult[] = [];
  for (const peer of line.peers(threads, ['torch'])) peers.push(await measure(peer));
  const isFloored = named.floors !== undefined && line.options.engine === 'simd';
  return {
    suite: 'memory',
    name,
    title: `${named.title}; ${threads} thread${threads === 1 ? '' : 's'}${warmUp ? '; libraries warm' : ''}`,
    entries: [ours, ...peers],
    comparisons: peers.flatMap((peer) => compare(ours, peer, { isFloored })),
    checked: 'none',
    agreements: [],
  };
}

function compare(ours: EntryResult, peer: EntryResult, { isFloored }: { isFloored: boolean }): ComparisonResult[] {
  if (ours.addedMegabytes === undefined || peer.addedMegabytes === undefined) return [];
  const ratio = ours.addedMegabytes / peer.addedMegabytes;
  return [{ of: ours.key, to: peer.key, ratio, ...(isFloored && { ceiling: MOST, reached: ratio <= MOST }) }];
}
