import { type AttendOptions, uniformValues, type RandomKey } from '@formers/backend';

import { type Array64, broadcastAt } from './array64.ts';

/** What the reference of attention may be told; as {@link AttendOptions}, with masks as arrays and the dropout with its key. */
export type Attention64Options = Pick<AttendOptions, 'causal' | 'queryOffset' | 'window' | 'scale' | 'softCap'> & {
  readonly mask?: Array64 | undefined;
  readonly bias?: Array64 | undefined;
  readonly dropout?: { readonly rate: number; readonly key: RandomKey } | undefined;
};

/** Attention number by number from its definition (Vaswani et al. 2017, equation 1): [batch, heads, queries, valueDim]. */
export function attention64(
  [q, k, v]: readonly [Array64, Array64, Array64],
  options: Attention64Options,
): Float64Array {
  const [batch = 0, heads = 0, queries = 0, headDim = 0] = q.shape;
  const [, kvHeads = 0, keys = 0, valueDim = 0] = v.shape;
  const { causal = false, window = 0, softCap = 0, scale = 1 / Math.sqrt(headDim), mask, bias, dropout } = options;
  const offset = options.queryOffset ?? (causal || window ? keys - queries : 0);
  const factors =
    dropout &&
    uniformValues(dropout.key, batch * heads * queries * keys).map((uniform) =>
      uniform >= dropout.rate ? 1 / (1 - dropout.rate) : 0,
    );
  const y = new Float64Array(batch * heads * queries * valueDim);
  for (let row = 0; row < batch * heads * queries; row++) {
    const i = row % queries;
    const h = Math.floor(row / queries) % heads;
    const b = Math.floor(row / queries / heads);
    const kv = (b * kvHeads + Math.floor((h * kvHeads) / heads)) * keys;
    const scores = Array.from({ length: keys }, (_, j) => {
      const position = i + offset;
      if (
        (causal && j > position) ||
        (window > 0 && j <= position - window) ||
        (mask && broadcastAt(mask, [b, h, i, j]) === 0)
      )
        return -Infinity;
      let score = 0;
      for (let d = 0; d < headDim; d++)
        score += (q.data[row * headDim + d] as number) * (k.data[(kv + j) * headDim + d] as number);
      score *= scale;
      if (softCap) score = softCap * Math.tanh(score / softCap);
      return score + (bias ? broadcastAt(bias, [b, h, i, j]) : 0);
    });
    const highest = Math.max(...scores);
    if (highest === -Infinity) continue;
    const powers = scores.map((score) => Math.exp(score - highest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, j) => {
      const weight = (power / total) * (factors?.[row * keys + j] ?? 1);
      for (let d = 0; d < valueDim; d++)
        y[row * valueDim + d] =
          (y[row * valueDim + d] as number) + weight * (v.data[(kv + j) * valueDim + d] as number);
    });
  }
  return y;
}
