import type { BenchCase } from '../../harness/cases.ts';
import type { InferModel, MatmulTask, Task, TrainTask } from '../../harness/tasks.ts';
import { comparison, entry } from '../lineup.ts';
import type { GPULineup, GPUPeer } from './gpu-lineup.ts';
import type { GPUSize } from './gpu-sizes.ts';

/**
 * What lower precision may change, in losses as they are and in results as a share of their largest. Numbers of bfloat16 have 8 significant bits, so that a product of two is off by up to 2^-8, and what many such
 * layers give by a few times that; halves have 11.
 */
const MIXED_TOLERANCE = 0.05;

type Shape = Omit<MatmulTask, 'suite'>;

const square = (size: number): Shape => ({ m: size, k: size, n: size });

/** Products, by the names of `--size`. */
export const GPU_PRODUCTS: Readonly<Record<string, Readonly<Record<string, Shape>>>> = {
  tiny: { '64^3': square(64), '64^3, A·Bᵀ': { ...square(64), transposeB: true } },
  512: { '512^3': square(512) },
  1024: { '1024^3': square(1024) },
  2048: {
    '2048^3': square(2048),
    '2048^3, A·Bᵀ': { ...square(2048), transposeB: true },
    '2048^3, Aᵀ·B': { ...square(2048), transposeA: true },
  },
  4096: { '4096^3': square(4096) },
  gpt2: {
    '8192x768x3072 (MLP of GPT-2)': { m: 8192, k: 768, n: 3072 },
    '96 of 1024x64x1024': { m: 1024, k: 64, n: 1024, batch: 96 },
  },
};

/** Matrix products of a size: one case each, in GFLOP/s. */
export function gpuProductCases(line: GPULineup, size: string): BenchCase[] {
  return Object.entries(GPU_PRODUCTS[size] ?? {}).map(([name, shape]) => {
    const { m, k, n, batch = 1 } = shape;
    return gpuCase(line, {
      name,
      title: `matmul ${name}`,
      unit: 'GFLOP/s',
      task: { suite: 'matmul', ...shape },
      work: (2 * m * k * n * batch) / 1e6,
      check: { of: 'results', tolerance: 1e-4 },
      peers: ['torch', 'torch-mixed', 'tfjs'],
      isHalfToo: false, // operands from outside stay as they are
    });
  });
}

/** Training steps of a size. */
export function gpuTrainCase(
  line: GPULineup,
  { name, sized, task }: { name: string; sized: GPUSize; task: TrainTask },
): BenchCase {
  return gpuCase(line, {
    name,
    title: sized.title,
    unit: 'tokens/ms',
    task,
    work: task.batch * task.context,
    check: { of: 'losses', tolerance: 1e-3 },
    peers: ['torch', 'torch-mixed', ...(sized.isForTfjs ? (['tfjs'] as const) : [])],
  });
}

const INFER_NAMES: Readonly<Record<InferModel, string>> = {
  gpt2: 'GPT-2 124M, prefill of',
  vit: 'ViT-B/16, 1 image',
  bert: 'BERT-base, 1 x',
  tiny: 'tiny GPT-2, prefill of',
};

/** Tokens of the forward pass, and of decoding the prompt and what follows. */
export const GPU_INFER_LENGTHS: Readonly<Record<InferModel, { forward: number; prompt?: number; newTokens?: number }>> =
  {
    gpt2: { forward: 512, prompt: 16, newTokens: 64 },
    vit: { forward: 0 },
    bert: { forward: 128 },
    tiny: { forward: 12, prompt: 4, newTokens: 4 },
  };

/** A forward pass of a model, and of GPT-2 also greedy decoding. */
export function gpuInferCases(line: GPULineup, { model, folder }: { model: InferModel; folder: string }): BenchCase[] {
  const { forward, prompt, newTokens } = GPU_INFER_LENGTHS[model];
  const base = { suite: 'infer', model, folder } as const;
  const name = `${INFER_NAMES[model]}${forward > 0 ? ` ${forward}` : ''}`;
  const pass = gpuCase(line, {
    name,
    title: name,
    task: { ...base, mode: 'forward', length: forward },
    check: { of: 'results', tolerance: 1e-3 },
    peers: ['torch', 'torch-mixed', 'ort-web', 'ort-node'],
  });
  if (prompt === undefined || newTokens === undefined) return [pass];
  const decoding = `${model === 'tiny' ? 'tiny GPT-2' : 'GPT-2 124M'}, ${newTokens} tokens after ${prompt}`;
  return [
    pass,
    gpuCase(line, {
      name: decoding,
      title: `${decoding}, greedy with cache`,
      unit: 'tokens/s',
      task: { ...base, mode: 'decode', length: prompt, newTokens },
      work: newTokens * 1000,
      check: { of: 'results', tolerance: 0 },
      peers: ['torch', 'torch-mixed'],
    }),
  ];
}

/** Ours, with numbers stored in float32 and in halves, and each peer with the same task. */
function gpuCase(
  line: GPULineup,
  {
    task,
    work,
    peers,
    isHalfToo = true,
    ...described
  }: { task: Task; work?: number; peers: readonly GPUPeer[]; isHalfToo?: boolean } & Pick<
    BenchCase,
    'name' | 'title' | 'unit' | 'check'
  >,
): BenchCase {
  const more = work === undefined ? {} : { work };
  // Whole numbers are right or wrong: in lower precision, another token may be the likeliest one.
  const tolerance = described.check.tolerance === 0 ? 'none' : MIXED_TOLERANCE;
  const ours = entry(line.ours, task, more);
  const half = isHalfToo ? [entry(line.half, task, { ...more, tolerance })] : [];
  const others = line.peers(...peers).map(({ name, contestant }) => {
    const isMixed = name === 'torch-mixed';
    return { isMixed, peer: entry(contestant, task, isMixed ? { ...more, tolerance } : more) };
  });
  return {
    ...described,
    entries: [ours, ...half, ...others.map(({ peer }) => peer)],
    comparisons: [
      ...half.map((mine) => comparison(mine, ours)),
      ...others.map((other) => comparison(ours, other.peer)),
      ...half.flatMap((mine) => others.filter(({ isMixed }) => isMixed).map((other) => comparison(mine, other.peer))),
    ],
  };
}
