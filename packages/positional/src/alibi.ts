import { cast, mul, reshape, type Tensor2D, tensor4d, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

/**
 * How fast each head forgets: `2^(-8h / heads)` for heads that are a power of two; for others those of the next lower power, then every second one of the
 * next higher (Press et al. 2022, section 3 and its source).
 */
export function alibiSlopes(numHeads: number): Float32Array {
  const lower = 2 ** Math.floor(Math.log2(numHeads));
  return Float32Array.from({ length: numHeads }, (_, head) =>
    head < lower ? 2 ** ((-8 * (head + 1)) / lower) : 2 ** ((-8 * (2 * (head - lower) + 1)) / (2 * lower)),
  );
}

/** Options of {@link alibiBias}. */
export interface AlibiBiasOptions {
  numHeads: number;
  queries: number;
  keys: number;
  /** Position of the first query among the keys; default `keys - queries`, so that the last query stands at the last key. */
  offset?: number;
}

/**
 * Attention with linear biases (Press et al. 2022): `-slope · |i - j|` for query i and key j, the `bias` of any attention.
 *
 * @returns [1, heads, queries, keys]
 */
export function alibiBias({ numHeads, queries, keys, offset = keys - queries }: AlibiBiasOptions): Tensor4D {
  const bias = new Float32Array(numHeads * queries * keys);
  let at = 0;
  for (const slope of alibiSlopes(numHeads))
    for (let query = 0; query < queries; query++)
      for (let key = 0; key < keys; key++) bias[at++] = -slope * Math.abs(query + offset - key);
  return tensor4d(bias, [1, numHeads, queries, keys]);
}

/**
 * Linear biases by the position of the key alone, `slope · j`, as Bloom has them: under a causal mask they differ from {@link alibiBias} by a number per
 * query, which the softmax doesn't see. The way with padding.
 *
 * @param positionIds int32 [batch, keys], such as `positionIdsFromMask` makes them
 * @returns [batch, heads, 1, keys]
 */
export function alibiKeyBias(positionIds: Tensor2D, { numHeads }: { numHeads: number }): Tensor4D {
  const [batch, keys] = positionIds.shape;
  return tidy(
    () =>
      mul(
        tensor4d(alibiSlopes(numHeads), [1, numHeads, 1, 1]),
        reshape(cast(positionIds, 'float32'), [batch, 1, 1, keys]),
      ) as Tensor4D,
  );
}
