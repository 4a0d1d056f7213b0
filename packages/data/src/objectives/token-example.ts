import { ValueError } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';
import type { Tensor2D } from '@tensorflow/tfjs-core';

import { checkIds } from '../check-ids.ts';
import { attentionMaskOf, paddedLength, type PaddingOptions, padRows } from '../batches/pad.ts';

/** A text as a model reads it; the `Encoding` of a tokenizer is one. */
export interface TokenExample {
  readonly ids: Int32Array;
  /** 0 for the first text and 1 for the second; default 0. */
  readonly typeIds?: Int32Array;
  /** 1 for special tokens; default 0. */
  readonly specialTokensMask?: Int32Array;
  /** The number of the word that each token is a part of, -1 for none; default each token is a word. */
  readonly words?: Int32Array;
}

/** What an encoder is called with. */
export interface EncoderTensors {
  /** int32 [batch, seq] */
  readonly ids: Tensor2D;
  /** int32 [batch, seq]: 1 for tokens, 0 for padding */
  readonly attentionMask: Tensor2D;
  /** int32 [batch, seq] */
  readonly tokenTypeIds: Tensor2D;
}

/** Examples as tensors, padded on the right to the longest one. */
export function encoderTensors(
  examples: readonly TokenExample[],
  { padId, tokenizer, where, ...options }: PaddingOptions & { padId: number; tokenizer: Tokenizer; where: string },
): EncoderTensors {
  const rows = examples.map(({ ids }) => ids);
  checkTokens(rows, { tokenizer, where });
  const length = paddedLength(rows, options);
  const types = examples.map(({ ids, typeIds }) => typeIds ?? new Int32Array(ids.length));
  return {
    ids: padRows(rows, { length, value: padId }),
    attentionMask: attentionMaskOf(rows, length),
    tokenTypeIds: padRows(types, { length, value: 0 }),
  };
}

/** @throws {@link ValueError} naming the example for an id that the tokenizer doesn't have: on a GPU it would be clamped in silence. */
export function checkTokens(
  rows: readonly Int32Array[],
  { tokenizer, where }: { tokenizer: Tokenizer; where: string },
): void {
  for (const [row, ids] of rows.entries())
    checkIds(ids, { vocabSize: tokenizer.vocabSize, where: `${where}: row ${row} of a batch` });
}

/** How many labels count. */
export function countTargets(rows: readonly Int32Array[]): number {
  return rows.reduce((sum, row) => sum + row.reduce((count, target) => count + (target >= 0 ? 1 : 0), 0), 0);
}

/** @throws {@link ValueError} for a class that the model doesn't have: on a GPU it would be clamped in silence. */
export function checkLabel(label: number, { numLabels, where }: { numLabels: number; where: string }): void {
  if (Number.isInteger(label) && label >= 0 && label < numLabels) return;
  throw new ValueError(`${where}: label must be a whole number in [0, ${numLabels}), got ${label}`);
}
