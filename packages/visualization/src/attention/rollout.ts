import { type AttentionMaps, checkIndex, checkMaps, fuseHeads, type HeadFusion } from './attention-maps.ts';

/** How attention is rolled out. */
export interface RolloutOptions {
  /** How the heads of a layer become one map; default `mean`, as in the paper. */
  readonly fusion?: HeadFusion;
  /** The share of each layer's fused map, from 0 and below 1, whose least values count as 0; default 0. The least are `floor(share * tokens ** 2)`, of equal ones the first. */
  readonly discard?: number;
  /** What stands for the residual connection: the share of the identity in each layer's map, from 0 to 1; default 0.5. */
  readonly residual?: number;
}

/**
 * The maps of all layers as rollout multiplies them, the first layer first, each float64 [tokens, tokens]: heads fused, the least values discarded,
 * `(1 - residual) * attention + residual * identity`, and rows brought to a sum of 1 (Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers",
 * section 3; discarding as in Gildenblat's vit-explain).
 *
 * @throws RangeError for options out of their ranges, and for maps whose values don't fill their shape.
 */
export function mixedLayers(
  maps: AttentionMaps,
  { fusion = 'mean', discard = 0, residual = 0.5 }: RolloutOptions = {},
): Float64Array[] {
  checkMaps(maps, 'mixedLayers');
  if (!(discard >= 0 && discard < 1))
    throw new RangeError(`mixedLayers: discard must be from 0 and below 1, got ${discard}`);
  if (!(residual >= 0 && residual <= 1))
    throw new RangeError(`mixedLayers: residual must be from 0 to 1, got ${residual}`);
  return Array.from({ length: maps.numLayers }, (_, layer) => {
    const map = fuseHeads(maps, { layer, fusion });
    if (discard > 0) discardLeast(map, Math.floor(discard * map.length));
    return mixed(map, { numTokens: maps.numTokens, residual });
  });
}

/**
 * How much of each input token there is in one token after the last layer, by attention alone: its row of the product of {@link mixedLayers}, float64
 * [tokens], with a sum of 1. Takes no matrix product.
 */
export function rolloutOf(layers: readonly Float64Array[], token: number): Float64Array {
  const numTokens = Math.sqrt(layers[0]?.length ?? 0);
  checkIndex(token, numTokens, 'rolloutOf: token');
  let row: Float64Array = new Float64Array(numTokens);
  row[token] = 1;
  for (const map of layers.toReversed()) {
    const next = new Float64Array(numTokens);
    row.forEach((share, query) => {
      if (share === 0) return;
      for (let key = 0; key < numTokens; key++)
        next[key] = (next[key] as number) + share * (map[query * numTokens + key] as number);
    });
    row = next;
  }
  return row;
}

/**
 * Attention rollout of all tokens, float64 [tokens, tokens]: row i says how much of each input token there is in token i after the last layer.
 *
 * @example
 * const rollout = attentionRollout({ values, numLayers: 12, numHeads: 3, numTokens: 197 });
 * const ofClassToken = rollout.subarray(0, 197);
 */
export function attentionRollout(maps: AttentionMaps, options: RolloutOptions = {}): Float64Array {
  const layers = mixedLayers(maps, options);
  const { numTokens } = maps;
  const all = new Float64Array(numTokens ** 2);
  for (let token = 0; token < numTokens; token++) all.set(rolloutOf(layers, token), token * numTokens);
  return all;
}

function discardLeast(map: Float64Array, count: number): void {
  if (count === 0) return;
  const limit = map.toSorted()[count - 1] as number; // all below go, and as many of those equal to it as are left
  let equal = count - map.reduce((below, value) => below + (value < limit ? 1 : 0), 0);
  map.forEach((value, place) => {
    if (value < limit || (value === limit && equal-- > 0)) map[place] = 0;
  });
}

function mixed(map: Float64Array, { numTokens, residual }: { numTokens: number; residual: number }): Float64Array {
  for (let query = 0; query < numTokens; query++) {
    const row = map.subarray(query * numTokens, (query + 1) * numTokens);
    let sum = 0;
    for (let key = 0; key < numTokens; key++) {
      row[key] = (1 - residual) * (row[key] as number) + (key === query ? residual : 0);
      sum += row[key] as number;
    }
    if (sum > 0) for (let key = 0; key < numTokens; key++) row[key] = (row[key] as number) / sum;
  }
  return map;
}
