import { ValueError } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';
import { type Tensor1D, tensor1d, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';

import type { Collator } from '../batches/collator.ts';
import type { PaddingOptions } from '../batches/pad.ts';
import { type TensorBatch, tensorBatch } from '../batches/tensor-batch.ts';
import { DataError } from '../errors.ts';
import type { ClassifiedText, ProblemType } from '../tasks/classification.ts';
import { fitTokens, type LengthOptions } from './fit.ts';
import { specialId } from './special-tokens.ts';
import { checkLabel, type EncoderTensors, encoderTensors, type TokenExample } from './token-example.ts';

/** A text as tokens, with its label: the id of a class, a number for each class, or any number in regression. */
export interface LabelledTokens extends TokenExample {
  readonly label: number | Float32Array;
}

/** A batch of {@link textClassification}. */
export type TextClassificationBatch = TensorBatch<
  EncoderTensors & {
    /** int32 [batch]: ids of classes; float32 [batch, classes] when there may be several; float32 [batch] in regression */
    readonly labels: Tensor1D | Tensor2D;
  }
>;

/** Options of {@link textClassification}. */
export interface TextClassificationOptions extends PaddingOptions {
  tokenizer: Tokenizer;
  /** How many classes the model has. */
  numLabels: number;
  /** Default `single_label_classification`. */
  problemType?: ProblemType;
}

/** Texts and their classes; a batch's `tokens` are its texts. */
export function textClassification({
  tokenizer,
  numLabels,
  problemType = 'single_label_classification',
  ...padding
}: TextClassificationOptions): Collator<LabelledTokens, TextClassificationBatch> {
  const padId = specialId(tokenizer, { role: 'pad', where: 'textClassification' });
  return {
    identity: `textClassification ${JSON.stringify({ numLabels, problemType, padId, ...padding })}`,
    collate(examples, { step }) {
      const values = labelValues(examples, { numLabels, problemType }); // checked before there is a tensor
      const { ids, attentionMask, tokenTypeIds } = encoderTensors(examples, {
        padId,
        tokenizer,
        where: 'textClassification',
        ...padding,
      });
      const labels = labelTensor(values, { numLabels, problemType });
      return tensorBatch({ ids, attentionMask, tokenTypeIds, labels }, { step, tokens: examples.length });
    },
  };
}

/**
 * Texts as tokens.
 *
 * @throws {@link DataError} `empty` without texts; `too-long` naming file and row, unless `tooLong` is `cut`.
 */
export function encodeTexts(
  items: readonly ClassifiedText[],
  { tokenizer, ...options }: LengthOptions & { tokenizer: Tokenizer },
): LabelledTokens[] {
  if (items.length === 0) throw new DataError('empty', 'encodeTexts: there are no texts');
  return items.map(({ text, pair, label, where }) => {
    const { ids, typeIds, specialTokensMask, words } = fitTokens(tokenizer, { text, pair, where, ...options });
    return { ids, typeIds, specialTokensMask, words, label };
  });
}

function labelValues(
  examples: readonly LabelledTokens[],
  { numLabels, problemType }: { numLabels: number; problemType: ProblemType },
): Float32Array {
  const where = 'textClassification';
  if (problemType === 'multi_label_classification') {
    const values = new Float32Array(examples.length * numLabels);
    for (const [i, { label }] of examples.entries()) {
      if (typeof label === 'number' || label.length !== numLabels || !label.every((value) => value >= 0 && value <= 1))
        throw new ValueError(`${where}: label must be ${numLabels} numbers in [0, 1], got ${String(label)}`);
      values.set(label, i * numLabels);
    }
    return values;
  }
  return Float32Array.from(examples, ({ label }) => {
    if (problemType === 'regression' && typeof label === 'number' && Number.isFinite(label)) return label;
    if (problemType === 'regression') throw new ValueError(`${where}: label must be a number, got ${String(label)}`);
    checkLabel(typeof label === 'number' ? label : Number.NaN, { numLabels, where });
    return Number(label);
  });
}

function labelTensor(
  values: Float32Array,
  { numLabels, problemType }: { numLabels: number; problemType: ProblemType },
): Tensor1D | Tensor2D {
  if (problemType === 'regression') return tensor1d(values);
  if (problemType === 'single_label_classification') return tensor1d(Int32Array.from(values), 'int32');
  return tensor2d(values, [values.length / numLabels, numLabels]);
}
