import type { BenchCase, Comparison, Entry } from '../harness/cases.ts';
import type { MatmulTask } from '../harness/tasks.ts';
import { comparison, entry, type Lineup } from './lineup.ts';

const UNIT = 'GFLOP/s';
const PEERS = ['torch', 'jax'] as const;

/** Shares of PyTorch's speed on one thread, what a second thread must bring, and what other layouts may cost. */
const FLOORS = { plain: 0.6, cold: 0.5, secondThread: 1.8, shapes: 0.8 } as const;

type Shape = Omit<MatmulTask, 'suite'>;

const PLAIN: Shape = { m: 512, k: 768, n: 768 };
/** 19 MB a set: none is still in a cache when its turn comes again. */
const COLD: Shape = { m: 2048, k: 1536, n: 384, operandSets: 8 };

const SHAPES: Readonly<Record<string, Shape>> = {
  plain: PLAIN,
  A·Bᵀ: { ...PLAIN, transposeB: true },
  Aᵀ·B: { ...PLAIN, transposeA: true },
  Aᵀ·Bᵀ: { ...PLAIN, transposeA: true, transposeB: true },
  'batch of 4': { ...PLAIN, batch: 4 },
  'batch of 8, 256x384x256': { m: 256, k: 384, n: 256, batch: 8 },
};

/** Matrix products. */
export function matmulCases(line: Lineup): BenchCase[] {
  return [
    threadsCase(line, { name: '512x768x768', shape: PLAIN, floor: FLOORS.plain }),
    threadsCase(line, { name: '2048x1536x384 cold', shape: COLD, floor: FLOORS.cold }),
    ...line.threads(1, 2).map((threads) => shapesCase(line, threads)),
  ];
}

/** One product on one thread and on two. */
function threadsCase(line: Lineup, { name, shape, floor }: { name: string; shape: Shape; floor: number }): BenchCase {
  const task: MatmulTask = { suite: 'matmul', ...shape };
  const work = { work: megaflop(shape) };
  const counts = line.threads(1, 2);
  const ours = counts.map((threads) => entry(line.formers(threads), task, work));
  const peers = counts.flatMap((threads) => line.peers(threads, PEERS).map((peer) => entry(peer, task, work)));
  const single = line.peers(1, ['tfjs-cpu', 'tfjs-wasm']).map((peer) => entry(peer, task, work));
  const [one, two] = ours as [Entry, Entry?];
  return {
    name,
    title: `matmul ${name.replace(' cold', ', cold operands')}`,
    unit: UNIT,
    check: { of: 'results', tolerance: 1e-4 },
    entries: [...ours, ...peers, ...single],
    comparisons: [
      ...ours.flatMap((mine) =>
        peers
          .filter(({ contestant }) => contestant.threads === mine.contestant.threads)
          .map((peer) => {
            const isFloored = peer.contestant.peer === 'torch' && mine.contestant.threads === 1;
            return comparison(mine, peer, isFloored ? floor : undefined);
          }),
      ),
      ...single.map((peer) => comparison(one, peer)),
      ...(two ? [comparison(two, one, FLOORS.secondThread)] : []),
    ],
  };
}

/** The product in other layouts, against the plain one. */
function shapesCase(line: Lineup, threads: number): BenchCase {
  const entries: Entry[] = [];
  const comparisons: Comparison[] = [];
  const ours: Entry[] = [];
  for (const [variant, shape] of Object.entries(SHAPES)) {
    const task: MatmulTask = { suite: 'matmul', ...shape };
    const more = { variant, work: megaflop(shape) };
    const mine = entry(line.formers(threads), task, more);
    const peers = line
      .peers(threads, threads === 1 ? [...PEERS, 'tfjs-wasm'] : PEERS)
      .map((peer) => entry(peer, task, more));
    ours.push(mine);
    entries.push(mine, ...peers);
    const [plain] = ours as [Entry];
    if (plain !== mine) comparisons.push(comparison(mine, plain, FLOORS.shapes));
    comparisons.push(...peers.map((peer) => comparison(mine, peer)));
  }
  return {
    name: `shapes ${threads} thread${threads === 1 ? '' : 's'}`,
    title: `matmul 512x768x768 in other layouts, ${threads} thread${threads === 1 ? '' : 's'}`,
    unit: UNIT,
    check: { of: 'results', tolerance: 1e-4 },
    entries,
    comparisons,
  };
}

/** Millions of operations: a rate per millisecond is GFLOP/s. */
function megaflop({ m, k, n, batch = 1 }: Shape): number {
  return (2 * m * k * n * batch) / 1e6;
}
