/** The attention of a Transformer over one input: what each query took from each key, in each head of each layer. */
export interface AttentionMaps {
  /** [layers, heads, tokens, tokens]; each row, a query's, sums up to 1. */
  readonly values: ArrayLike<number>;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numTokens: number;
}

/** How the heads of a layer become one map. */
export type HeadFusion = 'mean' | 'max' | 'min';

/** A head of a layer, both from 0; or all heads of the layer, fused. */
export interface HeadChoice {
  readonly layer: number;
  readonly head: number | HeadFusion;
}

/**
 * What one token attended to in a head, or in all heads of a layer: float64 [tokens].
 *
 * @throws RangeError for a layer, head or token that isn't there, and for maps whose values don't fill their shape.
 */
export function attentionOf(
  maps: AttentionMaps,
  { layer, head, token }: HeadChoice & { readonly token: number },
): Float64Array {
  const { numLayers, numTokens } = maps;
  checkMaps(maps, 'attentionOf');
  checkIndex(layer, numLayers, 'attentionOf: layer');
  checkIndex(token, numTokens, 'attentionOf: token');
  return fused(maps, { layer, head }, [token, token + 1]);
}

/** The map of a layer, its heads fused: float64 [tokens, tokens]. @throws RangeError as {@link attentionOf}. */
export function fuseHeads(
  maps: AttentionMaps,
  { layer, fusion }: { readonly layer: number; readonly fusion: HeadFusion },
): Float64Array {
  checkMaps(maps, 'fuseHeads');
  checkIndex(layer, maps.numLayers, 'fuseHeads: layer');
  return fused(maps, { layer, head: fusion }, [0, maps.numTokens]);
}

/** @throws RangeError unless the values fill the shape. */
export function checkMaps({ values, numLayers, numHeads, numTokens }: AttentionMaps, where: string): void {
  const wanted = numLayers * numHeads * numTokens ** 2;
  if (values.length === wanted && wanted > 0) return;
  throw new RangeError(
    `${where}: values must be [${numLayers}, ${numHeads}, ${numTokens}, ${numTokens}], which are ${wanted} numbers, got ${values.length}`,
  );
}

/** @throws RangeError unless the index is a whole number from 0 and below `length`. */
export function checkIndex(index: number, length: number, what: string): void {
  if (Number.isInteger(index) && index >= 0 && index < length) return;
  throw new RangeError(`${what} must be a whole number from 0 to ${length - 1}, got ${index}`);
}

/** The rows from one query up to, not including, another: [queries, tokens]. */
function fused(
  { values, numHeads, numTokens }: AttentionMaps,
  { layer, head }: HeadChoice,
  [from, to]: readonly [number, number],
): Float64Array {
  const map = numTokens ** 2;
  const rows = new Float64Array((to - from) * numTokens);
  if (typeof head === 'number') checkIndex(head, numHeads, 'attentionOf: head');
  const [first, last] = typeof head === 'number' ? [head, head] : [0, numHeads - 1];
  for (let each = first; each <= last; each++) {
    const start = (layer * numHeads + each) * map + from * numTokens;
    for (let i = 0; i < rows.length; i++) {
      const value = values[start + i] as number;
      const before = rows[i] as number;
      if (each === first) rows[i] = value;
      else if (head === 'mean') rows[i] = before + value;
      else rows[i] = head === 'max' ? Math.max(before, value) : Math.min(before, value);
    }
  }
  return head === 'mean' ? rows.map((sum) => sum / numHeads) : rows;
}
