import { TRAIN_SIZES } from '../train-sizes.ts';
import type { TrainSize } from '../../harness/tasks.ts';

/** A model to train on the GPU. */
export interface GPUSize {
  readonly title: string;
  readonly size: TrainSize;
  /** Whether plain tfjs gets to train it: it holds every number that it computes. */
  readonly isForTfjs: boolean;
}

const sized = (name: string, isForTfjs = true): GPUSize => {
  const { title, size } = TRAIN_SIZES[name] as (typeof TRAIN_SIZES)[string];
  return { title, size, isForTfjs };
};

/** By their names on the command line: a small one, where what matters is the price of a dispatch, a middle one, and GPT-2 as it is. */
export const GPU_SIZES: Readonly<Record<string, GPUSize>> = {
  a: sized('a'),
  d: sized('d'),
  gpt2: {
    title: 'GPT-2 124M, context 1,024, batch 8',
    size: { layers: 12, dim: 768, heads: 12, context: 1024, batch: 8, vocab: 50257, dropout: 0 },
    isForTfjs: false,
  },
  tiny: sized('tiny'),
};
