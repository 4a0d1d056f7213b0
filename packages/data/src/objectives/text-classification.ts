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
      const labels = labelTensor(examples, { numLabels, problemType });
      const { ids, attentionMask, tokenTypeIds } = encoderTensors(examples, { padId, ...padding });
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

function labelTensor(
  examples: readonly LabelledTokens[],
  { numLabels, problemType }: { numLabels: number; problemType: ProblemType },
): Tensor1D | Tensor2D {
  const where = 'textClassification';
  const labels = examples.map(({ label }) => label);
  if (problemType === 'multi_label_classification') {
    const rows = new Float32Array(labels.length * numLabels);
    for (const [i, label] of labels.entries()) {
      if (typeof label === 'number' || label.length !== numLabels)
        throw new ValueError(
          `${where}: label must be ${numLabels} numbers, got ${typeof label === 'number' ? label : label.length}`,
        );
      rows.set(label, i * numLabels);
    }
    return tensor2d(rows, [labels.length, numLabels]);
  }
  const isRegression = problemType === 'regression';
  const numbers = labels.map((label) => (typeof label === 'number' ? label : Number.NaN));
  for (const label of numbers) {
    if (!isRegression) checkLabel(label, { numLabels, where });
    else if (!Number.isFinite(label)) throw new ValueError(`${where}: label must be a number, got ${label}`);
  }
  return tensor1d(numbers, isRegression ? 'float32' : 'int32');
}
