import { type OptionSpecs, type OptionValues, pick, UsageError } from '@formers/cli';

import { DATASETS } from './corpus.ts';

/** Which text to learn. */
export const TEXT_OPTIONS = {
  text: { kind: 'texts', help: 'text files or globs to learn, instead of a data set' },
  dataset: { kind: 'text', among: DATASETS, help: 'a text that comes with the app (default moby-dick)' },
} as const satisfies OptionSpecs;

/** Sizes of a model that reads or writes text, and of its batches. */
export const SIZE_OPTIONS = {
  dim: { kind: 'whole', least: 1, help: 'width of the model' },
  numLayers: { kind: 'whole', least: 1, help: 'number of layers, of encoder and decoder each' },
  numHeads: { kind: 'whole', least: 1, help: 'number of attention heads' },
  contextLength: { kind: 'whole', least: 8, help: 'tokens that the model reads at once' },
  dropout: { kind: 'number', least: 0, below: 1, help: 'share of values that are dropped in training (default 0)' },
  batchSize: { kind: 'whole', least: 1, help: 'sequences per micro-batch (default 16)' },
} as const satisfies OptionSpecs;

/** How weights start, in families that let it be chosen. */
export const INIT_OPTIONS = {
  initStd: {
    kind: 'number',
    least: 0,
    help: 'standard deviation of the weights at the start (default that of BERT-base by width: 0.55 / the root of dim)',
  },
} as const satisfies OptionSpecs;

/** BERT-base's 0.02 for 768 wide models; narrower ones need more to begin to learn within minutes. */
export function initStdOf({ dim, initStd }: { dim: number; initStd?: number | undefined }): number {
  return initStd ?? Number((0.02 * Math.sqrt(768 / dim)).toPrecision(2));
}

/** Where a text comes from. */
export interface TextChoice {
  text?: string[];
  dataset?: string;
}

/** Sizes of a model that reads or writes text, and of its batches. */
export interface Sizes {
  dim: number;
  numLayers: number;
  numHeads: number;
  contextLength: number;
  dropout: number;
  batchSize: number;
}

/** The user's files, or a data set. */
export function textChoice({ text, dataset }: OptionValues<typeof TEXT_OPTIONS>): TextChoice {
  if (text && dataset) throw new UsageError('--text and --dataset exclude each other');
  return text ? { text } : { dataset: dataset ?? 'moby-dick' };
}

/** The sizes that were given; else those that end within minutes. */
export function sizesOf(
  given: OptionValues<typeof SIZE_OPTIONS>,
  { isSlow, ...defaults }: Partial<Sizes> & { isSlow: boolean },
): Sizes {
  const standard = { dim: 128, numLayers: 4, numHeads: 4, contextLength: 64, dropout: 0, batchSize: 16, ...defaults };
  const small = { ...standard, dim: 48, numLayers: 2, contextLength: 32, batchSize: 8 };
  const names = ['dim', 'numLayers', 'numHeads', 'contextLength', 'dropout', 'batchSize'] as const;
  const sizes = { ...(isSlow ? small : standard), ...pick(given, names) };
  if (sizes.dim % sizes.numHeads !== 0)
    throw new UsageError(`--dim must be divisible by --num-heads, got ${sizes.dim} and ${sizes.numHeads}`);
  return sizes;
}
