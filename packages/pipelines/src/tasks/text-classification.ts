import type { Tensor2D } from '@tensorflow/tfjs-core';

import { checkText, refuse } from '../inputs.ts';
import { type CallOptions, runBatches, takeValues } from '../run-batches.ts';
import { encodeTexts, type TextOrPair } from '../text/encode-texts.ts';
import type { ClassifyingConfig, ReadingModel } from '../text/reading-model.ts';
import { callOnBatch, rowsAtOnce } from '../text/text-batch.ts';
import { type LabelOptions, type LabelScore, topLabels } from './classify.ts';
import { definePipeline, type TextParts, type TextPipeline } from './task.ts';

const TASK = 'text-classification';

/** A text to classify, or a pair of them, such as a premise and a hypothesis. */
export type ClassifiedText = string | { readonly text: string; readonly text_pair: string };

/** How texts are classified. */
export interface TextClassificationOptions<TopK extends number | null = number | null>
  extends CallOptions, Pick<LabelOptions, 'functionToApply'> {
  /** How many labels of each text, the likeliest first; default 1, null for all. */
  readonly topK?: TopK | undefined;
}

/** Labels of several texts: one for each where `topK` is 1, else a list for each. */
export type LabelsOfTexts<TopK extends number | null> = [TopK] extends [1]
  ? LabelScore[]
  : 1 extends TopK
    ? LabelScore[] | LabelScore[][]
    : LabelScore[][];

/** A model that {@link textClassification} takes: its logits are [batch, labels]. */
export type TextClassifier = ReadingModel<Tensor2D, ClassifyingConfig>;

/** Classifies texts. */
export interface TextClassificationPipeline extends TextPipeline<typeof TASK, TextClassifier> {
  /** The likeliest labels of a text. */
  (text: ClassifiedText, options?: TextClassificationOptions): Promise<LabelScore[]>;
  /** The likeliest label of each text; lists of them where `topK` isn't 1. */
  <TopK extends number | null = 1>(
    texts: readonly ClassifiedText[],
    options?: TextClassificationOptions<TopK>,
  ): Promise<LabelsOfTexts<TopK>>;
}

/**
 * A pipeline that classifies texts, or pairs of them.
 *
 * @example
 * const classify = textClassification({ model, tokenizer });
 * const [{ label, score }] = await classify('Ham, not spam.');
 */
export function textClassification({ model, tokenizer }: TextParts<TextClassifier>): TextClassificationPipeline {
  const call = async (
    input: ClassifiedText | readonly ClassifiedText[],
    { topK = 1, functionToApply, ...options }: TextClassificationOptions = {},
  ): Promise<LabelScore[] | LabelScore[][]> => {
    const isMany = Array.isArray(input);
    const texts = (isMany ? input : [input]).map((text, i) => checkClassified(text, isMany ? `text[${i}]` : 'text'));
    const { batchSize = 8 } = options;
    const encodings = encodeTexts(texts, { model, tokenizer });
    const found = await runBatches(
      encodings,
      { ...options, batchSize: rowsAtOnce(model, batchSize) },
      async (batch) => {
        const logits = await takeValues(callOnBatch(model, batch, { tokenizer, read: (output) => output }));
        return topLabels(logits, { config: model.config, topK, functionToApply, where: TASK });
      },
    );
    return !isMany || topK === 1 ? found.flat() : found;
  };
  return definePipeline(call as TextClassificationPipeline, { task: TASK, model, tokenizer });
}

function checkClassified(input: unknown, name: string): TextOrPair {
  if (typeof input === 'string') return input;
  if (typeof input !== 'object' || input === null || !('text' in input))
    return refuse({ where: TASK, name }, 'a text or { text, text_pair }', input);
  const text = checkText(input.text, { where: TASK, name: `${name}.text` });
  if (!('text_pair' in input) || input.text_pair === undefined) return text;
  return [text, checkText(input.text_pair, { where: TASK, name: `${name}.text_pair` })];
}
