import { crossEntropy, withoutDropout } from '@formers/backend';
import { grouped, UsageError } from '@formers/cli';
import {
  Batches,
  classificationItems,
  encodeTexts,
  evaluationBatches,
  type ProblemType,
  textClassification as collatorOf,
  type TextClassificationBatch,
} from '@formers/data';
import { classificationLoss } from '@formers/nn';
import { AutoModelForSequenceClassification } from '@formers/pipelines';
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { tidy } from '@tensorflow/tfjs-core';

import { columnsOf, loadRows } from '../data/load-rows.ts';
import { classReport } from '../report/class-report.ts';
import { numberReport } from '../report/number-report.ts';
import { severalLabelsReport } from '../report/several-labels-report.ts';
import { openModel } from '../run/open-model.ts';
import { fitTokenizer, hasTokenTypes, openTokenizer, type TextConfig } from '../run/open-tokenizer.ts';
import { problemTypeOf } from './problem-type.ts';
import { type Evaluation, type PrepareTask, type ReadyTask, shellText, type TaskModel } from './task.ts';

interface Reading {
  readonly attentionMask: Tensor2D;
  readonly tokenTypeIds?: Tensor2D;
}

/** What the task needs of a classifier. */
interface Classifier extends TaskModel {
  readonly config: TextConfig & { problemType?: ProblemType | undefined };
  call(ids: Tensor2D, options: Reading): Tensor2D;
}

/** A class for each text, or pair of texts; or several classes, or a number. */
export const textClassification: PrepareTask = async (request, train) => {
  const { config } = request;
  const { batchSize, seed, tooLong, labelSmoothing = 0, validationData } = config;
  const rows = await loadRows(config);
  const columns = columnsOf(config, ['text', 'pair', 'label']);
  const problemType = problemTypeOf(config, { rows: rows.train, column: columns.columns.label });
  const options = { ...columns, problemType };
  const known = validationData === undefined ? [...rows.train, ...rows.validation] : rows.train;
  const { labels } = classificationItems(known, options);
  const learned = classificationItems(rows.train, { ...options, labels });
  const heldOut = classificationItems(rows.validation, { ...options, labels });
  if (problemType === 'single_label_classification' && labels.length < 2)
    throw new UsageError(`--data has one class only, ${labels.join()}: nothing to tell apart`);

  const tokenizer = await openTokenizer(request);
  const open = async (checkpoint: string | undefined): Promise<Classifier> => {
    const own: Classifier = await openModel(
      AutoModelForSequenceClassification,
      { ...request, checkpoint },
      { newHead: true, labels },
    );
    own.config.problemType = problemType;
    return own;
  };
  using model = await open(request.checkpoint);
  const { maxLength } = fitTokenizer(model, { tokenizer, maxLength: config.maxLength });
  const examples = encodeTexts(learned.items, { tokenizer, maxLength, tooLong });
  const validation = encodeTexts(heldOut.items, { tokenizer, maxLength, tooLong });
  const collator = collatorOf({ tokenizer, numLabels: labels.length, problemType });
  const data = new Batches(examples, { collator, batchSize, seed }); // not by length, which may tell the class: each batch has to mix them
  const isSegmented = hasTokenTypes(model, tokenizer);
  const logitsOf = (own: Classifier, { ids, attentionMask, tokenTypeIds }: TextClassificationBatch): Tensor2D =>
    own.call(ids, isSegmented ? { attentionMask, tokenTypeIds } : { attentionMask });
  const [first] = heldOut.items;

  await train<Classifier, TextClassificationBatch>({
    model,
    open,
    data,
    numExamples: examples.length,
    loss: (own, batch) =>
      labelSmoothing > 0
        ? crossEntropy(logitsOf(own, batch), batch.labels as Tensor1D, { labelSmoothing })
        : classificationLoss(logitsOf(own, batch), { labels: batch.labels, problemType }),
    evaluate: async (own) => {
      const actual: number[][] = [];
      const scores: number[][] = [];
      let total = 0;
      for (const batch of evaluationBatches(validation, { collator, batchSize: 2 * batchSize })) {
        const [loss, logits] = tidy(() =>
          withoutDropout((): [Scalar, Tensor2D] => {
            const found = logitsOf(own, batch); // [batch, labels]
            return [classificationLoss(found, { labels: batch.labels, problemType }), found];
          }),
        );
        total += batch.tokens * ((await loss.data())[0] as number);
        scores.push(...(await logits.array()));
        const truth = await batch.labels.array();
        actual.push(...truth.map((label) => (typeof label === 'number' ? [label] : label)));
        loss.dispose();
        logits.dispose();
      }
      const { metrics, ...report } = reportOf(problemType, { labels, actual, scores });
      return { metrics: { loss: total / validation.length, ...metrics }, ...report };
    },
    best: BEST[problemType],
    saveProcessor: (folder) => tokenizer.savePretrained(folder),
    unit: 'texts',
    facts: {
      data: `${config.data.join(', ')}: ${describeLabels(problemType, labels)}, at most ${maxLength} tokens`,
      split: `${grouped(examples.length)} texts to learn, ${grouped(validation.length)} held out`,
    },
    pipeline: [
      `--task text-classification ${shellText(first?.text ?? '')}`,
      ...(first?.pair === undefined ? [] : [`--text-pair ${shellText(first.pair)}`]),
      ...(problemType === 'multi_label_classification' ? [`--top-k ${labels.length}`] : []),
    ].join(' '),
  });
};

const BEST: Readonly<Record<ProblemType, ReadyTask<TaskModel, TextClassificationBatch>['best']>> = {
  single_label_classification: { metric: 'accuracy', greaterIsBetter: true },
  multi_label_classification: { metric: 'f1', greaterIsBetter: true },
  regression: { metric: 'mse', greaterIsBetter: false },
};

function describeLabels(problemType: ProblemType, labels: readonly string[]): string {
  if (problemType === 'regression') return 'a number each';
  const kinds = problemType === 'multi_label_classification' ? 'labels, several of which may hold' : 'classes';
  return `${labels.length} ${kinds} (${labels.slice(0, 8).join(', ')}${labels.length > 8 ? ', …' : ''})`;
}

/** What is right and what the model says, row by row: the class, or a 0 or 1 for each label, or the number; and its logits. */
function reportOf(
  problemType: ProblemType,
  {
    labels,
    actual,
    scores,
  }: { labels: readonly string[]; actual: readonly number[][]; scores: readonly (readonly number[])[] },
): Evaluation {
  switch (problemType) {
    case 'single_label_classification':
      return classReport({
        labels,
        actual: actual.flat(),
        predicted: scores.map((row) => row.indexOf(Math.max(...row))),
      });
    case 'multi_label_classification':
      return severalLabelsReport({
        labels,
        actual,
        predicted: scores.map((row) => row.map((logit) => Number(logit > 0))),
      });
    case 'regression':
      return numberReport({ actual: actual.flat(), predicted: scores.map(([value = Number.NaN]) => value) });
  }
}
