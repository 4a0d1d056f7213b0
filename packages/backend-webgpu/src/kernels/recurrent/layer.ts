import type { TensorInfo } from '@tensorflow/tfjs-core';

/** Sizes of a recurrent layer. */
export interface LayerSizes {
  readonly batch: number;
  readonly seq: number;
  readonly hidden: number;
  /** 1 for a simple network, 4 for an LSTM, 3 for gated units. */
  readonly gates: number;
}

/** Sizes by the shape of a sequence and the weight. */
export function layerSizes({ shape }: TensorInfo, [batch = 0, seq = 0]: readonly number[]): LayerSizes {
  const [width = 0, hidden = 0] = shape;
  return { batch, seq, hidden, gates: hidden === 0 ? 0 : width / hidden };
}

/** Numbers of the weight that one workgroup reads again at each step, at most: 1 MB, which takes it about as long as starting a dispatch. */
const MOST_LOOPED = 2 ** 18;
/** The same for all rows of a batch together: beyond, the GPU is busy in one step, and workgroups that share out the units read the weight less often. */
const MOST_LOOPED_WORK = 2 ** 26;

/** Whether a workgroup takes a few rows through all steps, in one dispatch; else each step is a dispatch of its own. */
export function isLooped({ batch, hidden, gates }: LayerSizes): boolean {
  const numbers = gates * hidden * hidden;
  return numbers <= MOST_LOOPED && batch * numbers <= MOST_LOOPED_WORK;
}

/** Shared memory that every device has, in bytes. */
const SHARED_BYTES = 16_384;
/** Factors that a thread adds up at least. */
const LEAST_FACTORS = 16;

/** How a workgroup shares out the steps of some rows. */
export interface LoopShape {
  /** Rows that are computed together; 1, 2 or 4. */
  readonly rows: number;
  /** Parts of the inner axis, by threads of their own. Depends on the layer alone, as it decides the order of summation. */
  readonly parts: number;
  readonly threads: number;
}

/** The shape for a layer, with so many products for each unit, and so many operands from each unit. */
export function loopShape(
  { batch, hidden }: LayerSizes,
  { products, operands }: { products: number; operands: number },
): LoopShape {
  const depth = operands * hidden;
  const parts = Math.max(1, Math.min(Math.floor(256 / hidden), Math.floor(depth / LEAST_FACTORS)));
  const rowBytes = 4 * (depth + parts * products * hidden);
  const most = batch > 2 ? 4 : batch;
  const rows = [4, 2].find((count) => count <= most && count * rowBytes <= SHARED_BYTES) ?? 1;
  const threads = [64, 128].find((count) => hidden * parts <= count) ?? 256;
  return { rows, parts, threads };
}
