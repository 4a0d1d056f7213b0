import type { CaseResult, EntryResult } from '../harness/cases.ts';
import type { Contestant } from '../harness/contestants.ts';
import type { ProcessPool } from '../harness/process-pool.ts';
import type { TrainTask } from '../harness/tasks.ts';
import { WorkerError } from '../harness/worker-process.ts';
import type { Lineup } from './lineup.ts';
import type { NamedSize } from './train-sizes.ts';

/** What a training step of ours may add, as a multiple of what it adds to PyTorch's process. */
const MOST = 1.3;
const STEPS = 5;

/** What training steps add to the resident memory of an idle process that holds the model: each contestant in a fresh process. */
export async function measureMemoryOf(
  line: Lineup,
  { name, named, task, pool }: { name: string; named: NamedSize; task: TrainTask; pool: ProcessPool },
): Promise<CaseResult> {
  const [threads = 1] = line.threads(2);
  const results: { contestant: Contestant; entry: EntryResult; added?: number }[] = [];
  for (const contestant of [line.formers(threads), ...line.peers(threads, ['torch'])]) {
    const base = { key: contestant.id, label: contestant.label, threads: contestant.threads };
    try {
      const { idle, peak } = await (await pool.worker(contestant)).ask({ request: 'memory', task, steps: STEPS });
      const added = (peak - idle) / 2 ** 20;
      results.push({
        contestant,
        added,
        entry: { ...base, steps: STEPS, idleMegabytes: idle / 2 ** 20, addedMegabytes: added },
      });
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      results.push({ contestant, entry: { ...base, absent: error.message } });
    }
    await pool.stop(contestant);
  }
  const [ours, torch] = results;
  const isFloored = named.floors !== undefined && line.options.engine === 'simd';
  const share = ours?.added !== undefined && torch?.added !== undefined ? ours.added / torch.added : undefined;
  return {
    suite: 'memory',
    name,
    title: `${named.title}; ${threads} thread${threads === 1 ? '' : 's'}`,
    entries: results.map(({ entry }) => entry),
    comparisons:
      share === undefined || !ours || !torch
        ? []
        : [
            {
              of: ours.contestant.id,
              to: torch.contestant.id,
              ratio: share,
              ...(isFloored && { ceiling: MOST, reached: share <= MOST }),
            },
          ],
    checked: 'none',
    agreements: [],
  };
}
