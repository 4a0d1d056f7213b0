import type { TrainSize } from '../harness/tasks.ts';

/** What a size must reach against its peers; see the issue of the engine. Two threads where nothing else is said. */
export interface TrainFloors {
  /** Of PyTorch's speed, with AVX2. */
  readonly torch: number;
  /** The same without AVX2. */
  readonly torchNoAvx2: number;
}

/** A model to train, and its words. */
export interface NamedSize {
  readonly title: string;
  readonly size: TrainSize;
  readonly floors?: TrainFloors;
}

const base = { layers: 4, dim: 128, heads: 4, context: 64, batch: 12, vocab: 65, dropout: 0 } as const;

/** By their names on the command line. Those without floors are shown only. */
export const TRAIN_SIZES: Readonly<Record<string, NamedSize>> = {
  a: {
    title: '(a) nanoGPT recipe, 4 layers, 128 wide, context 64, batch 12',
    size: base,
    floors: { torch: 1, torchNoAvx2: 0.5 },
  },
  b: {
    title: '(b) 3 layers, 96 wide, context 64, batch 16, vocabulary 256',
    size: { ...base, layers: 3, dim: 96, heads: 3, batch: 16, vocab: 256 },
    floors: { torch: 1, torchNoAvx2: 0.5 },
  },
  c: {
    title: '(c) 6 layers, 192 wide, context 128, batch 12, vocabulary 256',
    size: { ...base, layers: 6, dim: 192, heads: 6, context: 128, vocab: 256 },
    floors: { torch: 0.75, torchNoAvx2: 0.45 },
  },
  d: {
    title: '(d) 6 layers, 384 wide, context 256, batch 8',
    size: { ...base, layers: 6, dim: 384, heads: 6, context: 256, batch: 8 },
    floors: { torch: 0.65, torchNoAvx2: 0.35 },
  },
  'context-1024': { title: '(a) with context 1,024, batch 1', size: { ...base, context: 1024, batch: 1 } },
  'context-4096': { title: '(a) with context 4,096, batch 1', size: { ...base, context: 4096, batch: 1 } },
  vocabulary: { title: '(a) with vocabulary 50,257', size: { ...base, vocab: 50257 } },
  dropout: { title: '(a) with dropout 0.1', size: { ...base, dropout: 0.1 } },
  tiny: {
    title: 'tiny, to try the bench',
    size: { ...base, layers: 2, dim: 32, heads: 2, context: 16, batch: 3, vocab: 17 },
  },
};
