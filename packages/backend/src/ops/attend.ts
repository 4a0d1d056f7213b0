import {
  add,
  cast,
  logicalAnd,
  matMul,
  mul,
  reshape,
  scalar,
  softmax,
  split,
  type Tensor,
  type Tensor3D,
  type Tensor4D,
  tanh,
  tensor2d,
  tidy,
  tile,
  transpose,
  where,
} from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';
import { nextDropoutKey } from '../dropout-scope.ts';
import { checkShape, ShapeError } from '../errors.ts';
import type { RandomKey } from '../random.ts';
import { dropoutMask } from './dropout.ts';

/** Options of {@link attend}. */
export interface AttendOptions {
  /** bool, broadcastable to [batch, heads, queries, keys]; true = may attend. */
  mask?: Tensor | undefined;
  /** float32 and finite, broadcastable to [batch, heads, queries, keys]; added to the scores. Has a gradient. */
  bias?: Tensor | undefined;
  /** Query i sees keys up to `i + queryOffset`. */
  causal?: boolean | undefined;
  /** Position of the first query among the keys; default `keys - queries` when causal, so that the last query sees the last key. */
  queryOffset?: number | undefined;
  /** Query i sees nothing before the last `window` keys up to its own position; what comes later is for `causal` to hide. */
  window?: number | undefined;
  /** Factor of the scores; default `1 / √headDim`. */
  scale?: number | undefined;
  /** Scores become `cap · tanh(score / cap)`, before masks (Gemma 2). */
  softCap?: number | undefined;
  /** Probability of dropping a weight, inside a `withDropout` scope. */
  dropout?: number | undefined;
}

/**
 * Scaled dot-product attention, `softmax(q kᵀ / √headDim) v` (Vaswani et al. 2017, equation 1).
 *
 * With fewer key heads than query heads, each serves a group of neighbouring query heads (grouped-query attention, Ainslie et al. 2023).
 * A query that may see no key gives zeros and passes no gradient.
 *
 * @param q [batch, heads, queries, headDim]
 * @param k [batch, kvHeads, keys, headDim]
 * @param v [batch, kvHeads, keys, valueDim]
 * @returns [batch, heads, queries, valueDim]
 */
export function attend(q: Tensor4D, k: Tensor4D, v: Tensor4D, options: AttendOptions = {}): Tensor4D {
  checkAttention('attend', q, k);
  const [batch, kvHeads, keys] = k.shape;
  checkShape('attend: v', v, [batch, kvHeads, keys, 'valueDim']);
  return attendOp(
    { q, k, v, mask: options.mask, bias: options.bias },
    attendAttributes(q.shape[2], keys, q.shape[3], options),
  );
}

/**
 * Self-attention on a fused projection: {@link attend} on the heads of `[q | k | v]`, heads merged again. Spares the copies of splitting and merging.
 *
 * @param qkv [batch, seq, 3 · dim]
 * @returns [batch, seq, dim]
 */
export function selfAttend(qkv: Tensor3D, { numHeads, ...options }: AttendOptions & { numHeads: number }): Tensor3D {
  const [, seq, width] = qkv.shape;
  const headDim = width / 3 / numHeads;
  if (!Number.isInteger(headDim))
    throw new ShapeError(
      `selfAttend: qkv must be [batch, seq, 3 * dim] with ${numHeads} heads dividing dim, got [${qkv.shape.join(', ')}]`,
    );
  return selfAttendOp(
    { qkv, mask: options.mask, bias: options.bias },
    { ...attendAttributes(seq, seq, headDim, options), numHeads },
  );
}

/**
 * The attention map itself, `softmax(q kᵀ / √headDim)`, before dropout. Models compute it only when it is captured.
 *
 * @returns [batch, heads, queries, keys]; each row sums to 1, or is 0 where the query may see no key
 */
export function attentionWeights(q: Tensor4D, k: Tensor4D, options: AttendOptions = {}): Tensor4D {
  checkAttention('attentionWeights', q, k);
  return tidy(() =>
    weights(q, k, {
      mask: options.mask,
      bias: options.bias,
      ...attendAttributes(q.shape[2], k.shape[2], q.shape[3], { ...options, dropout: 0 }),
    }),
  );
}

/** [batch, seq, heads · headDim] to [batch, heads, seq, headDim]. */
export function splitHeads(x: Tensor3D, numHeads: number): Tensor4D {
  const [batch, seq, dim] = x.shape;
  if (dim % numHeads !== 0)
    throw new ShapeError(
      `splitHeads: x must be [batch, seq, dim] with ${numHeads} heads dividing dim, got [${x.shape.join(', ')}]`,
    );
  return tidy(() => transpose(reshape(x, [batch, seq, numHeads, dim / numHeads]), [0, 2, 1, 3]) as Tensor4D);
}

/** [batch, heads, seq, headDim] to [batch, seq, heads · headDim]. */
export function mergeHeads(x: Tensor4D): Tensor3D {
  const [batch, heads, seq, headDim] = x.shape;
  return tidy(() => reshape(transpose(x, [0, 2, 1, 3]), [batch, seq, heads * headDim]) as Tensor3D);
}

/** What kernels get, every default filled in. */
export interface AttendAttributes {
  readonly scale: number;
  readonly causal: boolean;
  readonly queryOffset: number;
  /** 0 = no window. */
  readonly window: number;
  /** 0 = no cap. */
  readonly softCap: number;
  /** Weight i of [batch, heads, queries, keys] is dropped as in `dropoutMask`; undefined = none. */
  readonly dropout: { readonly rate: number; readonly key: RandomKey } | undefined;
}

type Masks = {
  readonly mask: Tensor | undefined;
  readonly bias: Tensor | undefined;
};
type Inputs = Masks & { readonly q: Tensor4D; readonly k: Tensor4D; readonly v: Tensor4D };
type SelfInputs = Masks & { readonly qkv: Tensor3D };

/** Kernel of {@link attend}. */
export const attendOp: Op<Inputs, AttendAttributes, Tensor4D> = defineOp<Inputs, AttendAttributes, Tensor4D>({
  name: 'FormersAttend',
  differentiable: ['q', 'k', 'v', 'bias'],
  saves: ['q', 'k', 'v', 'mask', 'bias'],
  savesOutput: true,
  composition: ({ q, k, v, mask, bias }, attrs) =>
    tidy(() => {
      const map = weights(q, k, { ...attrs, mask, bias }); // [batch, heads, queries, keys]
      const dropped = attrs.dropout ? mul(map, dropoutMask(map.shape, attrs.dropout.rate, attrs.dropout.key)) : map;
      return matMul(dropped, repeatHeads(v, q.shape[1])) as Tensor4D; // [batch, heads, queries, valueDim]
    }),
});

/** Kernel of {@link selfAttend}. */
export const selfAttendOp: Op<SelfInputs, AttendAttributes & { numHeads: number }, Tensor3D> = defineOp<
  SelfInputs,
  AttendAttributes & { numHeads: number },
  Tensor3D
>({
  name: 'FormersSelfAttend',
  differentiable: ['qkv', 'bias'],
  saves: ['qkv', 'mask', 'bias'],
  savesOutput: true,
  composition: ({ qkv, mask, bias }, { numHeads, ...attrs }) =>
    tidy(() => {
      const [q, k, v] = split<Tensor3D>(qkv, 3, 2).map((part) => splitHeads(part, numHeads)) as [
        Tensor4D,
        Tensor4D,
        Tensor4D,
      ]; // [batch, heads, seq, headDim]
      return mergeHeads(attendOp({ q, k, v, mask, bias }, attrs)); // [batch, seq, dim]
    }),
});

function weights(
  q: Tensor4D,
  k: Tensor4D,
  { mask, bias, scale, causal, queryOffset, window, softCap }: Omit<AttendAttributes, 'dropout'> & Masks,
): Tensor4D {
  const [, heads, queries] = q.shape;
  const keys = k.shape[2];
  let scores: Tensor = mul(matMul(q, repeatHeads(k, heads), false, true), scale); // [batch, heads, queries, keys]
  if (softCap) scores = mul(tanh(mul(scores, 1 / softCap)), softCap);
  if (bias) scores = add(scores, bias);
  const band = causal || window ? bandMask({ queries, keys, causal, queryOffset, window }) : undefined; // [queries, keys]
  const visible: Tensor | undefined = mask && band ? logicalAnd(mask, band) : (mask ?? band);
  if (!visible) return softmax(scores) as Tensor4D;
  // Far below every score and bias, and finite: a row with nothing to see is uniform here, and the second factor makes it zero.
  return mul(softmax(where(visible, scores, scalar(-3e38)) as Tensor4D), cast(visible, 'float32')) as Tensor4D;
}

function bandMask({
  queries,
  keys,
  causal,
  queryOffset,
  window,
}: {
  queries: number;
  keys: number;
  causal: boolean;
  queryOffset: number;
  window: number;
}): Tensor {
  const visible = new Uint8Array(queries * keys);
  for (let query = 0; query < queries; query++) {
    const position = query + queryOffset;
    const first = window ? Math.max(0, position - window + 1) : 0;
    const last = causal ? Math.min(keys - 1, position) : keys - 1;
    if (first <= last) visible.fill(1, query * keys + first, query * keys + last + 1);
  }
  return tensor2d(visible, [queries, keys], 'bool');
}

/** [batch, kvHeads, keys, headDim] to [batch, heads, keys, headDim], each head repeated for its group of query heads. */
function repeatHeads(x: Tensor4D, heads: number): Tensor4D {
  const [batch, kvHeads, keys, headDim] = x.shape;
  if (kvHeads === heads) return x;
  const groups = tile(reshape(x, [batch, kvHeads, 1, keys * headDim]), [1, 1, heads / kvHeads, 1]);
  return reshape(groups, [batch, heads, keys, headDim]);
}

function checkAttention(where: string, q: Tensor4D, k: Tensor4D): void {
  checkShape(`${where}: q`, q, ['batch', 'heads', 'queries', 'headDim']);
  checkShape(`${where}: k`, k, [q.shape[0], 'kvHeads', 'keys', q.shape[3]]);
  if (q.shape[1] % k.shape[1] !== 0)
    throw new ShapeError(
      `${where}: the heads of q must be a multiple of those of k, got ${q.shape[1]} and ${k.shape[1]}`,
    );
}

/** What kernels get, from what callers say. */
export function attendAttributes(
  queries: number,
  keys: number,
  headDim: number,
  options: AttendOptions,
): AttendAttributes {
  const {
    causal = false,
    queryOffset = causal || options.window ? keys - queries : 0,
    window = 0,
    softCap = 0,
    scale = 1 / Math.sqrt(headDim),
    dropout = 0,
  } = options;
  const key = dropout > 0 ? nextDropoutKey() : undefined;
  return { scale, causal, queryOffset, window, softCap, dropout: key && { rate: dropout, key } };
}
