import type { AttendAttributes } from '@formers/backend';
import type { AttentionSizes, HeadStrides } from '@formers/backend/engine';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { dropoutNumbers } from './dropout.ts';

interface Heads {
  readonly address: number;
  readonly strides: HeadStrides;
}

/** One attention, wherever its heads lie. */
export interface AttentionProblem extends AttentionSizes {
  readonly q: Heads;
  readonly k: Heads;
  readonly v: Heads;
  readonly y: Heads;
  readonly statistics: number;
  readonly mask: TensorInfo | undefined;
  readonly bias: TensorInfo | undefined;
  readonly attributes: AttendAttributes;
}

const PANEL = 16;
const EDGE_BYTES = 512;
const roundUp = (n: number) => Math.ceil(n / PANEL) * PANEL;

/** Queries per block: their scores stay in the second-level cache. */
const blockSize = (keys: number) => (keys > 1024 ? 18 : 24);

/** The first 47 arguments of both kernels, see assembly/attention.ts; scratch is filled in by the caller. */
function commonArguments(
  backend: SimdBackend,
  problem: AttentionProblem,
  { scratch, splits }: { scratch: readonly [number, number]; splits: number },
): number[] {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim, q, k, v, y, statistics, mask, bias, attributes } =
    problem;
  const [threshold, key0, key1] = dropoutNumbers(attributes.dropout);
  return [
    ...[batch, heads, kvHeads, queries, keys, headDim, valueDim],
    ...[q, k, v, y].flatMap(({ address, strides }) => [address, ...strides]),
    ...[statistics, 0, attributes.causal ? 1 : 0, attributes.queryOffset, attributes.window, 0],
    ...broadcast(backend, mask, problem),
    ...broadcast(backend, bias, problem),
    ...[threshold, key0, key1, 0, ...scratch, blockSize(keys), splits],
  ];
}

const floatArguments = ({ scale, softCap, dropout }: AttendAttributes) => ({
  24: scale,
  28: softCap,
  42: dropout ? 1 / (1 - dropout.rate) : 1,
});

/** Address and strides of a tensor that is broadcast to [batch, heads, queries, keys]. */
function broadcast(
  backend: SimdBackend,
  tensor: TensorInfo | undefined,
  { batch, heads, queries, keys }: AttentionProblem,
): number[] {
  if (!tensor) return [0, 0, 0, 0, 0];
  const full = [batch, heads, queries, keys];
  const shape = [...full.map(() => 1), ...tensor.shape].slice(-4);
  let stride = 1;
  const strides = shape.map(() => 0);
  for (let axis = 3; axis >= 0; axis--) {
    const size = shape[axis] as number;
    strides[axis] = size === 1 && full[axis] !== 1 ? 0 : stride;
    stride *= size;
  }
  // The kernels add rows of a bias whole; a single key is a row of one either way.
  return [backend.address(tensor), ...strides];
}

function work({ batch, heads, queries, keys, headDim }: AttentionProblem): number {
  return (batch * heads * queries * keys * headDim) / 8;
}

/** Computes y and the statistics. */
export function runAttention(backend: SimdBackend, problem: AttentionProblem): void {
  const { engine } = backend;
  const { batch, heads, queries, keys, headDim, valueDim } = problem;
  const block = blockSize(keys);
  const floats =
    EDGE_BYTES / 4 + roundUp(keys) * headDim + keys * roundUp(valueDim) + block * (roundUp(keys) + PANEL) + keys + 32;
  // Few heads: split their queries too, as long as packing the keys once more stays a small part.
  const splits =
    batch * heads >= 4 * engine.threads
      ? 1
      : Math.max(1, Math.min(Math.ceil((4 * engine.threads) / (batch * heads)), Math.floor(queries / 64)));
  const scratch = engine.threadScratch(floats * 4);
  engine.run('attention', commonArguments(backend, problem, { scratch, splits }), {
    floats: floatArguments(problem.attributes),
    work: work(problem),
  });
}

/** Computes the gradients of q, k and v at the strides of these, and adds up that of the bias unless `dBias` is 0. */
export function runAttentionGradient(
  backend: SimdBackend,
  problem: AttentionProblem,
  { dy, dq, dk, dv, dBias }: { dy: number; dq: number; dk: number; dv: number; dBias: number },
): void {
  const { engine } = backend;
  const { keys, headDim, valueDim } = problem;
  const block = blockSize(keys);
  const row = roundUp(keys) + PANEL;
  const floats =
    EDGE_BYTES / 4 +
    roundUp(keys) * (headDim + valueDim) +
    keys * roundUp(headDim) +
    block * (roundUp(headDim) + roundUp(valueDim)) +
    (2 * block + 2) * row +
    (keys + 8) * block +
    64;
  const scratch = engine.threadScratch(floats * 4);
  const integers = [...commonArguments(backend, problem, { scratch, splits: 1 }), dy, dq, dk, dv, dBias];
  engine.run('attentionGradient', integers, { floats: floatArguments(problem.attributes), work: 2 * work(problem) });
}
