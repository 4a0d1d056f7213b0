import { add, cast, cumsum, mul, notEqual, scalar, sub, type Tensor2D, tidy } from '@tensorflow/tfjs-core';

/**
 * Positions by the tokens that aren't padding, as fairseq and RoBERTa number them: the first one has `padTokenId + 1`, padding has `padTokenId`.
 *
 * @param ids int32 [batch, seq]
 * @param options.offset How many tokens a cache holds; default 0.
 * @returns int32 [batch, seq]
 */
export function positionIdsFromPadding(
  ids: Tensor2D,
  { padTokenId, offset = 0 }: { padTokenId: number; offset?: number | undefined },
): Tensor2D {
  return tidy(() => {
    const isToken = cast(notEqual(ids, padTokenId), 'int32') as Tensor2D; // [batch, seq]
    const counted = mul(add(cumsum(isToken, 1), scalar(offset, 'int32')), isToken);
    return add(counted, scalar(padTokenId, 'int32')) as Tensor2D;
  });
}

/**
 * Positions by an attention mask: tokens that may be attended to count from 0, padding has 0.
 *
 * @param mask bool or 0 and 1, [batch, seq]
 * @returns int32 [batch, seq]
 */
export function positionIdsFromMask(mask: Tensor2D): Tensor2D {
  return tidy(() => {
    const isToken = cast(mask, 'int32') as Tensor2D; // [batch, seq]
    return mul(sub(cumsum(isToken, 1), scalar(1, 'int32')), isToken) as Tensor2D;
  });
}
