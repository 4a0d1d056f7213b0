import type { BenchCase } from '../harness/cases.ts';
import type { OpTask } from '../harness/tasks.ts';
import { comparison, entry, type Lineup } from './lineup.ts';

interface NamedOp {
  readonly name: string;
  readonly op: string;
  readonly sizes: Readonly<Record<string, number>>;
  /** Whether it has a gradient; default true. */
  readonly hasGradient?: boolean;
}

const ROWS = { rows: 2048, dim: 384 } as const; // a batch of size (d)
const WIDE = { rows: 2048, dim: 1536 } as const;

const OPS: readonly NamedOp[] = [
  { name: 'attention 12x4x64x32', op: 'attention', sizes: { batch: 12, heads: 4, seq: 64, headDim: 32 } },
  { name: 'attention 8x6x256x64', op: 'attention', sizes: { batch: 8, heads: 6, seq: 256, headDim: 64 } },
  { name: 'attention 1x12x1024x64', op: 'attention', sizes: { batch: 1, heads: 12, seq: 1024, headDim: 64 } },
  { name: 'attention 1x4x4096x64', op: 'attention', sizes: { batch: 1, heads: 4, seq: 4096, headDim: 64 } },
  { name: 'linear + gelu 2048x384x1536', op: 'linearGelu', sizes: { rows: 2048, inDim: 384, outDim: 1536 } },
  { name: 'layerNorm 2048x384', op: 'layerNorm', sizes: ROWS },
  { name: 'rmsNorm 2048x384', op: 'rmsNorm', sizes: ROWS },
  { name: 'gelu 2048x1536', op: 'gelu', sizes: WIDE },
  { name: 'gelu (tanh) 2048x1536', op: 'geluTanh', sizes: WIDE },
  { name: 'silu 2048x1536', op: 'silu', sizes: WIDE },
  { name: 'softmax 2048x1536', op: 'softmax', sizes: WIDE },
  { name: 'dropout 2048x1536', op: 'dropout', sizes: WIDE },
  { name: 'add of a row 2048x1536', op: 'addBias', sizes: WIDE },
  { name: 'sum of rows 2048x1536', op: 'sum', sizes: WIDE },
  { name: 'split of heads 8x256x6x64', op: 'splitHeads', sizes: { batch: 8, seq: 256, heads: 6, headDim: 64 } },
  { name: 'cross-entropy 512x50257', op: 'crossEntropy', sizes: { rows: 512, classes: 50257 } },
  {
    name: 'linear + cross-entropy 512x128x50257',
    op: 'linearCrossEntropy',
    sizes: { rows: 512, dim: 128, classes: 50257 },
  },
  { name: 'embedding 2048 of 50257x384', op: 'embedding', sizes: { rows: 2048, vocab: 50257, dim: 384 } },
  { name: 'conv2d 3x3 8x32x32x64', op: 'conv2d', sizes: { batch: 8, side: 32, channels: 64, filters: 64 } },
  { name: 'maxPool 2x2 8x32x32x64', op: 'maxPool', sizes: { batch: 8, side: 32, channels: 64 } },
  { name: 'AdamW 12x1M', op: 'adamW', sizes: { tensors: 12, size: 2 ** 20 }, hasGradient: false },
  { name: 'global norm 12x1M', op: 'globalNorm', sizes: { tensors: 12, size: 2 ** 20 }, hasGradient: false },
];

/** Single ops, forward, and forward with backward, against PyTorch's. */
export function opsCases(line: Lineup): BenchCase[] {
  const [threads = 1] = line.threads(2);
  return OPS.flatMap(({ name, op, sizes, hasGradient = true }) =>
    (hasGradient ? [false, true] : [false]).map((backward): BenchCase => {
      const task: OpTask = { suite: 'ops', op, sizes, backward };
      const ours = entry(line.formers(threads), task);
      const peers = line.peers(threads, ['torch']).map((peer) => entry(peer, task));
      return {
        name: `${name}${backward ? ', with gradients' : ''}`,
        title: `${name}${backward ? ', with gradients' : ''}`,
        check: { of: op === 'dropout' ? 'none' : 'results', tolerance: 1e-3 },
        entries: [ours, ...peers],
        comparisons: peers.map((peer) => comparison(ours, peer)),
      };
    }),
  );
}
