import { availableParallelism } from 'node:os';

import type { Comparison, Entry } from '../harness/cases.ts';
import { type Contestant, formers, jax, onnxruntime, torch, tfjs } from '../harness/contestants.ts';
import type { Task } from '../harness/tasks.ts';
import type { BenchOptions } from '../options.ts';

/** Who takes part, as the options say. */
export interface Lineup {
  readonly options: BenchOptions;
  /** The numbers of threads, of those that a case is about. */
  threads(...wanted: readonly number[]): number[];
  /** Ours, with AVX2 unless the options say otherwise. */
  formers(threads: number, settings?: { avx2?: boolean }): Contestant;
  /** The peers among these that the options ask for. */
  peers(
    threads: number,
    names: readonly ('torch' | 'jax' | 'tfjs-cpu' | 'tfjs-wasm' | 'ort-web' | 'ort-node')[],
  ): Contestant[];
}

/** Makes the line-up of a command. */
export function lineup(options: BenchOptions): Lineup {
  const { threads, engine, avx2, peers } = options;
  const makers = {
    torch,
    jax,
    'tfjs-cpu': () => tfjs('cpu'),
    'tfjs-wasm': () => tfjs('wasm'),
    'ort-web': (threads: number) => onnxruntime('ort-web', threads),
    'ort-node': (threads: number) => onnxruntime('ort-node', threads),
  } as const;
  return {
    options,
    threads: (...wanted) => {
      if (threads !== undefined) return [threads];
      const possible = wanted.filter((count) => count <= availableParallelism());
      return possible.length > 0 ? possible : [1];
    },
    formers: (threads, settings = {}) =>
      formers({ threads, engine: engine === 'cpu' ? 'cpu' : 'simd', avx2: avx2 && settings.avx2 !== false }),
    peers: (threads, names) =>
      names.map((name) => makers[name](threads)).filter(({ peer }) => peer === undefined || peers.includes(peer)),
  };
}

/** An entry, named by who does it and the variant. */
export function entry(
  contestant: Contestant,
  task: Task,
  more: Pick<Entry, 'variant' | 'work' | 'tolerance'> = {},
): Entry {
  const { variant } = more;
  return { key: variant === undefined ? contestant.id : `${contestant.id} ${variant}`, contestant, task, ...more };
}

/** `of` against `to`; the floor is left out where there is none, and on the plain engine, which none is meant for. */
export function comparison(of: Entry, to: Entry, floor?: number): Comparison {
  const isMeant = floor !== undefined && !of.contestant.id.startsWith('formers-cpu');
  return { of: of.key, to: to.key, ...(isMeant && { floor }) };
}
