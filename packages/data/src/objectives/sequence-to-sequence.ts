import { ConfigError } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';
import type { Tensor2D } from '@tensorflow/tfjs-core';

import type { Collator } from '../batches/collator.ts';
import { attentionMaskOf, paddedLength, type PaddingOptions, padRows } from '../batches/pad.ts';
import { type TensorBatch, tensorBatch } from '../batches/tensor-batch.ts';
import { DataError } from '../errors.ts';
import type { TextPair } from '../tasks/pairs.ts';
import { IGNORED_LABEL } from '../token-batch.ts';
import { fitTokens, type LengthOptions } from './fit.ts';
import { specialId } from './special-tokens.ts';
import { checkTokens, countTargets } from './token-example.ts';

/** What an encoder reads, and what the decoder should say. */
export interface SequencePair {
  readonly ids: Int32Array;
  readonly targets: Int32Array;
}

/** A batch for encoder-decoder models. */
export type SequenceToSequenceBatch = TensorBatch<{
  /** int32 [batch, seq] */
  readonly ids: Tensor2D;
  /** int32 [batch, seq]: 1 for tokens, 0 for padding */
  readonly attentionMask: Tensor2D;
  /** int32 [batch, decoderSeq]: what the decoder reads, the targets one place further behind the start token (teacher forcing) */
  readonly decoderIds: Tensor2D;
  /** int32 [batch, decoderSeq]: 1 for tokens, 0 for padding */
  readonly decoderAttentionMask: Tensor2D;
  /** int32 [batch, decoderSeq]: -100 where nothing is to be said */
  readonly targets: Tensor2D;
}>;

/** Options of {@link sequenceToSequence}. */
export interface SequenceToSequenceOptions extends PaddingOptions {
  tokenizer: Tokenizer;
  /** What the decoder reads first, as in the model's config; default the pad token, as in T5 and Marian. BART has the end token. */
  decoderStartTokenId?: number;
}

/** Translation, summarisation and the like, with teacher forcing. */
export function sequenceToSequence({
  tokenizer,
  decoderStartTokenId,
  ...padding
}: SequenceToSequenceOptions): Collator<SequencePair, SequenceToSequenceBatch> {
  const padId = specialId(tokenizer, { role: 'pad', where: 'sequenceToSequence' });
  const startId = decoderStartTokenId ?? padId;
  return {
    identity: `sequenceToSequence ${JSON.stringify({ padId, startId, ...padding })}`,
    collate(examples, { step }) {
      const options = { tokenizer, where: 'sequenceToSequence' };
      checkTokens(
        examples.map(({ ids }) => ids),
        options,
      );
      checkTokens(
        examples.map(({ targets }) => targets.filter((id) => id !== IGNORED_LABEL)),
        options,
      );
      return sequenceTensors(examples, { padId, startId, step, ...padding });
    },
  };
}

/** Options of {@link encodePairs}. */
export interface EncodePairsOptions extends LengthOptions {
  tokenizer: Tokenizer;
  /** The most tokens of a target; default `maxLength`. */
  maxTargetLength?: number;
  /** Stands before each source, such as `translate English to German: `; default nothing. */
  prefix?: string;
}

/**
 * Pairs of texts as tokens, each with the special tokens that the tokenizer adds.
 *
 * @throws {@link DataError} `too-long` naming file and row, unless `tooLong` is `cut`.
 */
export function encodePairs(
  items: readonly TextPair[],
  { tokenizer, maxTargetLength, prefix = '', ...options }: EncodePairsOptions,
): SequencePair[] {
  if (items.length === 0) throw new DataError('empty', 'encodePairs: there are no pairs');
  const targetOptions = { ...options, ...(maxTargetLength !== undefined && { maxLength: maxTargetLength }) };
  return items.map(({ source, target, where }) => ({
    ids: fitTokens(tokenizer, { text: prefix + source, where: `${where}: the source`, ...options }).ids,
    targets: fitTokens(tokenizer, { text: target, where: `${where}: the target`, ...targetOptions }).ids,
  }));
}

/** Pairs as tensors, padded to the longest of each side. */
export function sequenceTensors(
  rows: readonly SequencePair[],
  { padId, startId = padId, step, ...padding }: PaddingOptions & { padId: number; startId?: number; step: number },
): SequenceToSequenceBatch {
  const sources = rows.map(({ ids }) => ids);
  const targets = rows.map((row) => row.targets);
  if (targets.some((row) => row.length === 0)) throw new ConfigError('sequenceToSequence: an example has no targets');
  const { padToLength: _, ...targetPadding } = padding; // a fixed length is that of the sources
  const length = paddedLength(sources, padding);
  const decoderLength = paddedLength(targets, targetPadding);
  const decoderRows = targets.map((row) => shiftRight(row, startId, padId));
  const tensors = {
    ids: padRows(sources, { length, value: padId }),
    attentionMask: attentionMaskOf(sources, length),
    decoderIds: padRows(decoderRows, { length: decoderLength, value: padId }),
    decoderAttentionMask: attentionMaskOf(decoderRows, decoderLength),
    targets: padRows(targets, { length: decoderLength, value: IGNORED_LABEL }),
  };
  return tensorBatch(tensors, { step, tokens: countTargets(targets) });
}

/** What a decoder reads when it should say `targets`: the start token, then all but the last; -100 is read as padding. */
function shiftRight(targets: Int32Array, startId: number, padId: number): Int32Array {
  return targets.map((_, i) => {
    const before = i === 0 ? startId : (targets[i - 1] ?? padId);
    return before === IGNORED_LABEL ? padId : before;
  });
}
