import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { BenchCase } from '../harness/cases.ts';
import type { Contestant } from '../harness/contestants.ts';
import type { ProcessPool } from '../harness/process-pool.ts';
import type { TrainSize, TrainTask } from '../harness/tasks.ts';
import { comparison, entry, type Lineup } from './lineup.ts';
import { type NamedSize, TRAIN_SIZES } from './train-sizes.ts';

const NUM_BATCHES = 8;
const JAX_FLOORS = { one: 3, more: 4 } as const;
/** Plain JavaScript takes minutes for a step of the others. */
const TFJS_SIZES: readonly string[] = ['a', 'b', 'tiny'];

/** The sizes that the options ask for. */
export function wantedSizes({ options: { size } }: Lineup): [name: string, NamedSize][] {
  const sizes = Object.entries(TRAIN_SIZES);
  return sizes.filter(([name]) => (size === undefined ? name !== 'tiny' : name === size));
}

/** Writes the first weights and the batches of a size; every contestant starts from them. */
export async function writeTraining(
  size: TrainSize,
  { maker, pool, folder }: { maker: Contestant; pool: ProcessPool; folder: string },
): Promise<TrainTask> {
  await mkdir(folder, { recursive: true });
  await (await pool.worker(maker)).ask({ request: 'make', model: size, folder });
  await pool.stop(maker);
  const { batch, context, vocab } = size;
  const ids = Int32Array.from(
    { length: NUM_BATCHES * 2 * batch * context },
    (_, i) => (i * i * 7 + i * 13 + (i >> 3)) % vocab,
  );
  await writeFile(path.join(folder, 'batches.bin'), ids);
  return { suite: 'train', folder, ...size };
}

/** Whole training steps of a size: on two threads with and without AVX2, and on one. */
export function trainCases(
  line: Lineup,
  { name, named, task }: { name: string; named: NamedSize; task: TrainTask },
): BenchCase[] {
  const { title, floors } = named;
  const tokens = { work: task.batch * task.context };
  const hasJax = floors !== undefined || name === 'tiny';
  return line.threads(...(floors ? [1, 2] : [2])).map((threads): BenchCase => {
    const ours = entry(line.formers(threads), task, tokens);
    const isPlainToo = line.options.avx2 && line.options.engine === 'simd' && floors !== undefined && threads > 1;
    const plain = isPlainToo ? entry(line.formers(threads, { avx2: false }), task, tokens) : undefined;
    const isTfjsToo = TFJS_SIZES.includes(name) && threads === 1;
    const peers = line
      .peers(threads, [
        'torch',
        ...(hasJax ? (['jax'] as const) : []),
        ...(isTfjsToo ? (['tfjs-cpu', 'tfjs-wasm'] as const) : []),
      ])
      .map((peer) => entry(peer, task, tokens));
    const floorOf = (peer: string | undefined, avx2: boolean): number | undefined => {
      if (!floors) return undefined;
      if (peer === 'torch' && threads === 2) return avx2 ? floors.torch : floors.torchNoAvx2;
      return peer === 'jax' && avx2 ? (threads === 1 ? JAX_FLOORS.one : JAX_FLOORS.more) : undefined;
    };
    return {
      name: `${name} ${threads}`,
      title: `${title}; ${threads} thread${threads === 1 ? '' : 's'}`,
      unit: 'tokens/ms',
      check: { of: task.dropout > 0 ? 'none' : 'losses', tolerance: 1e-3 },
      entries: [ours, ...(plain ? [plain] : []), ...peers],
      comparisons: [
        ...peers.map((peer) => comparison(ours, peer, floorOf(peer.contestant.peer, line.options.avx2))),
        ...(plain
          ? peers
              .filter(({ contestant }) => contestant.peer === 'torch')
              .map((peer) => comparison(plain, peer, floorOf('torch', false)))
          : []),
      ],
    };
  });
}
