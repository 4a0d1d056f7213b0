import { crossEntropy, withoutDropout } from '@formers/backend';
import { grouped, UsageError } from '@formers/cli';
import {
  Batches,
  classificationItems,
  encodeTexts,
  evaluationBatches,
  textClassification as collatorOf,
  type TextClassificationBatch,
} from '@formers/data';
import { AutoModelForSequenceClassification } from '@formers/pipelines';
import { argMax, type Scalar, type Tensor1D, type Tensor2D, tidy } from '@tensorflow/tfjs-core';

import { columnsOf, loadRows } from '../data/load-rows.ts';
import { classReport } from '../report/class-report.ts';
import { openModel } from '../run/open-model.ts';
import { fitTokenizer, hasTokenTypes, openTokenizer, type TextConfig } from '../run/open-tokenizer.ts';
import { type PrepareTask, shellText, type TaskModel } from './task.ts';

interface Reading {
  readonly attentionMask: Tensor2D;
  readonly tokenTypeIds?: Tensor2D;
}

/** What the task needs of a classifier. */
interface Classifier extends TaskModel {
  readonly config: TextConfig;
  call(ids: Tensor2D, options: Reading): Tensor2D;
}

/** A class for each text, or pair of texts. */
export const textClassification: PrepareTask = async (request, train) => {
  const { config } = request;
  const { batchSize, seed, tooLong } = config;
  const rows = await loadRows(config);
  const options = columnsOf(config, ['text', 'pair', 'label']);
  const learned = classificationItems(rows.train, options);
  const { labels } = learned;
  const heldOut = classificationItems(rows.validation, { ...options, labels });
  if (labels.length < 2) throw new UsageError(`--data has one class only, ${labels.join()}: nothing to tell apart`);

  const tokenizer = await openTokenizer(request);
  const open = async (checkpoint: string | undefined): Promise<Classifier> =>
    openModel(AutoModelForSequenceClassification, { ...request, checkpoint }, { newHead: true, labels });
  using model = await open(request.checkpoint);
  const { maxLength } = fitTokenizer(model, { tokenizer, maxLength: config.maxLength });
  const examples = encodeTexts(learned.items, { tokenizer, maxLength, tooLong });
  const validation = encodeTexts(heldOut.items, { tokenizer, maxLength, tooLong });
  const collator = collatorOf({ tokenizer, numLabels: labels.length });
  const data = new Batches(examples, { collator, batchSize, seed }); // not by length, which may tell the class: each batch has to mix them
  const isSegmented = hasTokenTypes(model, tokenizer);
  const readingOf = ({ attentionMask, tokenTypeIds }: TextClassificationBatch): Reading =>
    isSegmented ? { attentionMask, tokenTypeIds } : { attentionMask };
  const [first] = heldOut.items;

  await train<Classifier, TextClassificationBatch>({
    model,
    open,
    data,
    numExamples: examples.length,
    loss: (own, batch) => crossEntropy(own.call(batch.ids, readingOf(batch)), batch.labels),
    evaluate: async (own) => {
      const actual: number[] = [];
      const predicted: number[] = [];
      let total = 0;
      for (const batch of evaluationBatches(validation, { collator, batchSize: 2 * batchSize })) {
        const [loss, classes] = tidy(() =>
          withoutDropout((): [Scalar, Tensor1D] => {
            const logits = own.call(batch.ids, readingOf(batch)); // [batch, labels]
            return [crossEntropy(logits, batch.labels), argMax(logits, 1)];
          }),
        );
        total += batch.tokens * ((await loss.data())[0] as number);
        predicted.push(...(await classes.data()));
        actual.push(...(await batch.labels.data()));
        loss.dispose();
        classes.dispose();
      }
      const { metrics, ...report } = classReport({ labels, actual, predicted });
      return { metrics: { loss: total / validation.length, ...metrics }, ...report };
    },
    best: { metric: 'accuracy', greaterIsBetter: true },
    saveProcessor: (folder) => tokenizer.savePretrained(folder),
    unit: 'texts',
    facts: {
      data: `${config.data.join(', ')}: ${labels.length} classes (${labels.slice(0, 8).join(', ')}${labels.length > 8 ? ', …' : ''}), at most ${maxLength} tokens`,
      split: `${grouped(examples.length)} texts to learn, ${grouped(validation.length)} held out`,
    },
    pipeline: `--task text-classification ${shellText(first?.text ?? '')}${first?.pair === undefined ? '' : ` --text-pair ${shellText(first.pair)}`}`,
  });
};
