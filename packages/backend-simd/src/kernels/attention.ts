import type { AttendAttributes } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { SimdBackend } from '../backend.ts';
import { dropoutNumbers } from './dropout.ts';
import { fillZeros, input, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** An operand: address and strides in elements over batch, head and row. */
interface Heads {
  readonly address: number;
  readonly strides: readonly [batch: number, head: number, row: number];
}

interface Problem {
  readonly batch: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly headDim: number;
  readonly valueDim: number;
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
const blockSize = (keys: number) => (keys > 1024 ? 16 : 32);

/** The first 47 arguments of both kernels, see assembly/attention.ts; scratch is filled in by the caller. */
function commonArguments(
  backend: SimdBackend,
  problem: Problem,
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
  { batch, heads, queries, keys }: Problem,
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

function work({ batch, heads, queries, keys, headDim }: Problem): number {
  return (batch * heads * queries * keys * headDim) / 8;
}

function runForward(backend: SimdBackend, problem: Problem): void {
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

function runGradient(
  backend: SimdBackend,
  problem: Problem,
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

/** Heads of a [batch, heads, rows, dim] tensor. */
function split(backend: SimdBackend, tensor: TensorInfo): Heads {
  const [, heads = 1, rows = 1, dim = 1] = tensor.shape;
  return { address: backend.address(tensor), strides: [heads * rows * dim, rows * dim, dim] };
}

function attendProblem(
  backend: SimdBackend,
  inputs: KernelCall['inputs'],
  attributes: AttendAttributes,
  y: TensorInfo,
  statistics: number,
): Problem {
  const [q, k, v] = ['q', 'k', 'v'].map((name) => input({ inputs }, name)) as [TensorInfo, TensorInfo, TensorInfo];
  const [batch = 0, heads = 0, queries = 0, headDim = 0] = q.shape;
  const [, kvHeads = 0, keys = 0, valueDim = 0] = v.shape;
  const operands = { q: split(backend, q), k: split(backend, k), v: split(backend, v), y: split(backend, y) };
  return {
    batch,
    heads,
    kvHeads,
    queries,
    keys,
    headDim,
    valueDim,
    ...operands,
    statistics,
    mask: inputs['mask'],
    bias: inputs['bias'],
    attributes,
  };
}

function attend({ backend, inputs, attributes }: KernelCall<AttendAttributes>): TensorInfo {
  const q = input({ inputs }, 'q');
  const y = backend.output([...q.shape.slice(0, 3), input({ inputs }, 'v').shape[3] ?? 0]);
  const statistics = backend.engine.allocate((sizeOf(q) / Math.max(1, q.shape[3] ?? 1)) * 8);
  backend.attach(y, { statistics });
  if (sizeOf(input({ inputs }, 'k')) === 0) return fillZeros(backend, y);
  if (sizeOf(y) > 0) runForward(backend, attendProblem(backend, inputs, attributes, y, statistics));
  return y;
}

function attendGradient({
  backend,
  inputs,
  attributes,
}: KernelCall<AttendAttributes & { wanted: readonly string[] }>): TensorInfo[] {
  const y = input({ inputs }, 'y');
  const made = new Map<string, TensorInfo>();
  for (const name of ['q', 'k', 'v']) made.set(name, backend.output(input({ inputs }, name).shape));
  const { bias } = inputs;
  if (bias && attributes.wanted.includes('bias')) made.set('bias', fillZeros(backend, backend.output(bias.shape)));
  const address = (name: string) => (made.has(name) ? backend.address(made.get(name) as TensorInfo) : 0);
  if (sizeOf(y) === 0 || sizeOf(input({ inputs }, 'k')) === 0)
    for (const tensor of made.values()) fillZeros(backend, tensor);
  else {
    const problem = attendProblem(backend, inputs, attributes, y, backend.side(y)['statistics'] as number);
    runGradient(backend, problem, {
      dy: backend.address(input({ inputs }, 'dy')),
      dq: address('q'),
      dk: address('k'),
      dv: address('v'),
      dBias: address('bias'),
    });
  }
  return take(backend, made, attributes.wanted);
}

type SelfAttributes = AttendAttributes & { readonly numHeads: number };

/** Heads of one third of a [batch, seq, 3 · dim] tensor, or of a [batch, seq, dim] one. */
function selfProblem(
  backend: SimdBackend,
  inputs: KernelCall['inputs'],
  attributes: SelfAttributes,
  y: TensorInfo,
  statistics: number,
): Problem {
  const qkv = input({ inputs }, 'qkv');
  const [batch = 0, seq = 0, dim = 0] = y.shape;
  const heads = attributes.numHeads;
  const headDim = dim / heads;
  const third = (i: number): Heads => ({
    address: backend.address(qkv) + i * dim * 4,
    strides: [seq * 3 * dim, headDim, 3 * dim],
  });
  const operands = {
    q: third(0),
    k: third(1),
    v: third(2),
    y: { address: backend.address(y), strides: [seq * dim, headDim, dim] as const },
  };
  const sizes = { batch, heads, kvHeads: heads, queries: seq, keys: seq, headDim, valueDim: headDim };
  return { ...sizes, ...operands, statistics, mask: inputs['mask'], bias: inputs['bias'], attributes };
}

function selfAttend({ backend, inputs, attributes }: KernelCall<SelfAttributes>): TensorInfo {
  const [batch = 0, seq = 0, width = 0] = input({ inputs }, 'qkv').shape;
  const y = backend.output([batch, seq, width / 3]);
  const statistics = backend.engine.allocate(batch * seq * attributes.numHeads * 8);
  backend.attach(y, { statistics });
  if (sizeOf(y) > 0) runForward(backend, selfProblem(backend, inputs, attributes, y, statistics));
  return y;
}

function selfAttendGradient({
  backend,
  inputs,
  attributes,
}: KernelCall<SelfAttributes & { wanted: readonly string[] }>): TensorInfo[] {
  const y = input({ inputs }, 'y');
  const dim = y.shape[2] ?? 0;
  const made = new Map([['qkv', backend.output(input({ inputs }, 'qkv').shape)]]);
  const { bias } = inputs;
  if (bias && attributes.wanted.includes('bias')) made.set('bias', fillZeros(backend, backend.output(bias.shape)));
  if (sizeOf(y) > 0) {
    const problem = selfProblem(backend, inputs, attributes, y, backend.side(y)['statistics'] as number);
    const dq = backend.address(made.get('qkv') as TensorInfo);
    const dBias = made.get('bias');
    runGradient(backend, problem, {
      dy: backend.address(input({ inputs }, 'dy')),
      dq,
      dk: dq + dim * 4,
      dv: dq + 2 * dim * 4,
      dBias: dBias ? backend.address(dBias) : 0,
    });
  }
  return take(backend, made, attributes.wanted);
}

/** The wanted ones of what was made; frees the others. */
function take(backend: SimdBackend, made: ReadonlyMap<string, TensorInfo>, wanted: readonly string[]): TensorInfo[] {
  for (const [name, { dataId }] of made) if (!wanted.includes(name)) backend.disposeData(dataId);
  return wanted.map((name) => made.get(name) as TensorInfo);
}

/** Kernels of `attend` and `selfAttend` in @formers/backend. */
export const attentionKernels: KernelTable = {
  FormersAttend: attend,
  FormersAttendGradient: attendGradient,
  FormersSelfAttend: selfAttend,
  FormersSelfAttendGradient: selfAttendGradient,
};
