import { ValueError } from '@formers/backend';

import { checkText, checkTexts, refuse } from '../inputs.ts';
import { type CallOptions, runBatches, takeValues } from '../run-batches.ts';
import { softmax } from '../scores.ts';
import { encodeTexts } from '../text/encode-texts.ts';
import { callOnBatch, rowsAtOnce } from '../text/text-batch.ts';
import { definePipeline, type TextParts, type TextPipeline } from './task.ts';
import type { TextClassifier } from './text-classification.ts';

const TASK = 'zero-shot-classification';

/** The labels of a text, the likeliest first. */
export interface ZeroShotResult {
  readonly sequence: string;
  readonly labels: string[];
  readonly scores: number[];
}

/** How texts are classified by labels that the model was not trained for. */
export interface ZeroShotOptions extends CallOptions {
  /** The hypothesis, with `{}` in place of a label; default `This example is {}.` */
  readonly hypothesisTemplate?: string | undefined;
  /** Whether several labels may hold at once: each then has a probability of its own. Default false. */
  readonly multiLabel?: boolean | undefined;
}

/** Classifies texts by any labels. */
export interface ZeroShotClassificationPipeline extends TextPipeline<typeof TASK, TextClassifier> {
  (text: string, candidateLabels: string | readonly string[], options?: ZeroShotOptions): Promise<ZeroShotResult>;
  (
    texts: readonly string[],
    candidateLabels: string | readonly string[],
    options?: ZeroShotOptions,
  ): Promise<ZeroShotResult[]>;
}

/**
 * A pipeline that asks a model of natural language inference which labels follow from a text (Yin et al. 2019).
 *
 * @example
 * const classify = zeroShotClassification({ model, tokenizer });
 * const { labels, scores } = await classify('The whale sank the ship.', ['sea', 'cooking']);
 */
export function zeroShotClassification({
  model,
  tokenizer,
}: TextParts<TextClassifier>): ZeroShotClassificationPipeline {
  const { labels: classes } = model.config;
  const entailment = classes.findIndex((label) => label.toLowerCase().startsWith('entail'));
  if (entailment < 0 || classes.length < 2)
    throw new ValueError(
      `${TASK}: model must have a class that begins with "entail" among its labels, got ${classes.join(', ')}`,
    );
  const contradiction = entailment === 0 ? classes.length - 1 : 0; // as Hugging Face has it

  const call = async (
    input: string | readonly string[],
    candidates: string | readonly string[],
    { hypothesisTemplate = 'This example is {}.', multiLabel = false, ...options }: ZeroShotOptions = {},
  ): Promise<ZeroShotResult | ZeroShotResult[]> => {
    const texts = checkTexts(input, { where: TASK, name: 'text' });
    const labels = readLabels(candidates);
    checkText(hypothesisTemplate, { where: TASK, name: 'hypothesisTemplate' });
    if (!hypothesisTemplate.includes('{}'))
      refuse({ where: TASK, name: 'hypothesisTemplate' }, 'a text with {} in it', hypothesisTemplate);
    const pairs = texts.flatMap((text) =>
      labels.map((label): [string, string] => [text, hypothesisTemplate.replace('{}', () => label)]),
    );
    const encodings = encodeTexts(pairs, { model, tokenizer, options: { truncation: 'only_first' } });
    const batchSize = rowsAtOnce(model, options.batchSize ?? 8);
    const rows = await runBatches(encodings, { ...options, batchSize }, async (batch) => {
      const logits = await takeValues(callOnBatch(model, batch, { tokenizer, read: (output) => output }));
      return batch.map((_, row) => logits.subarray(row * classes.length, (row + 1) * classes.length));
    });
    const results = texts.map((sequence, i) => {
      const own = rows.slice(i * labels.length, (i + 1) * labels.length);
      const scores =
        multiLabel || labels.length === 1
          ? own.map((row) => softmax([row[contradiction] as number, row[entailment] as number])[1] as number)
          : softmax(own.map((row) => row[entailment] as number));
      const order = [...labels.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number));
      return {
        sequence,
        labels: order.map((i) => labels[i] as string),
        scores: order.map((i) => scores[i] as number),
      };
    });
    return Array.isArray(input) ? results : (results[0] as ZeroShotResult);
  };
  return definePipeline(call as ZeroShotClassificationPipeline, { task: TASK, model, tokenizer });
}

/** Labels as a list, or in one text with commas. */
function readLabels(candidates: string | readonly string[]): string[] {
  const argument = { where: TASK, name: 'candidateLabels' };
  const labels =
    typeof candidates === 'string'
      ? candidates
          .split(',')
          .map((label) => label.trim())
          .filter((label) => label !== '')
      : checkTexts(candidates, argument);
  return labels.length > 0 ? labels : refuse(argument, 'at least one label', candidates);
}
