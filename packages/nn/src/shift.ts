import { cast, concat, fill, notEqual, slice, type Tensor2D, tidy, where } from '@tensorflow/tfjs-core';

/** Marks targets that don't count. */
const IGNORED = -100;

/**
 * What a decoder is given while it learns to write `targets`: the start token, then the targets but for the last (teacher forcing; Vaswani et al. 2017, section 3.1).
 * Targets of -100 become padding.
 *
 * @param targets int32 [batch, seq]
 */
export function shiftRight(
  targets: Tensor2D,
  { startTokenId, padTokenId }: { startTokenId: number; padTokenId: number },
): Tensor2D {
  const [batch, seq] = targets.shape;
  return tidy(() => {
    const known = where(notEqual(targets, IGNORED), targets, fill([batch, seq], padTokenId, 'int32')) as Tensor2D;
    const start = fill([batch, 1], startTokenId, 'int32') as Tensor2D;
    return cast(concat([start, slice(known, [0, 0], [batch, seq - 1])], 1), 'int32'); // [batch, seq]
  });
}

/** Labels that stand under their own token, as Hugging Face's causal models take them, moved under the token before it: int32 [batch, seq]; the last column is -100. */
export function nextTokens(labels: Tensor2D): Tensor2D {
  const [batch, seq] = labels.shape;
  return tidy(() => {
    const last = fill([batch, 1], IGNORED, 'int32') as Tensor2D;
    return concat([slice(labels, [0, 1], [batch, seq - 1]), last], 1);
  });
}
