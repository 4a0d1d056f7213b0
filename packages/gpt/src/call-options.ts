import { type AttentionMask, checkAttentionMask, type KVCache } from '@formers/attention';
import { checkShape } from '@formers/backend';
import type { Tensor2D } from '@tensorflow/tfjs-core';

/** What a decoder may be told besides the ids. */
export interface GPTCallOptions {
  /**
   * [batch, keys], 1 = token, 0 = padding; or for each query what it may see, besides that it sees nothing later: [batch, queries, keys] (block-diagonal: packed
   * sequences) or [batch, 1 or heads, queries, keys]. With a cache, keys are all tokens, those in it first. Default: no padding.
   */
  attentionMask?: AttentionMask | undefined;
  /** int32 [batch, seq], or [1, seq] for all rows; default counts on from the cache. */
  positionIds?: Tensor2D | undefined;
  /** Keys and values of earlier tokens; the new ones are added. */
  cache?: KVCache | undefined;
}

/** @throws ShapeError for arguments of a decoder that don't fit each other. */
export function checkCall(name: string, ids: Tensor2D, { attentionMask, positionIds, cache }: GPTCallOptions): void {
  checkShape(`${name}: ids`, ids, ['batch', 'seq']);
  const [batch, seq] = ids.shape;
  const keys = (cache?.length ?? 0) + seq;
  if (attentionMask) checkAttentionMask(`${name}: attentionMask`, attentionMask, { batch, queries: seq, keys });
  if (positionIds) checkShape(`${name}: positionIds`, positionIds, [positionIds.shape[0] === 1 ? 1 : batch, seq]);
}
