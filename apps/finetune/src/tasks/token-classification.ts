import { crossEntropy, withoutDropout } from '@formers/backend';
import { grouped } from '@formers/cli';
import {
  Batches,
  encodeTags,
  evaluationBatches,
  taggingItems,
  tokenClassification as collatorOf,
  type TokenClassificationBatch,
} from '@formers/data';
import { AutoModelForTokenClassification } from '@formers/pipelines';
import { argMax, type Scalar, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import { columnsOf, loadRows } from '../data/load-rows.ts';
import { hasEntities, tagReport } from '../report/tag-report.ts';
import { openModel } from '../run/open-model.ts';
import { fitTokenizer, hasTokenTypes, openTokenizer, type TextConfig } from '../run/open-tokenizer.ts';
import { type PrepareTask, shellText, type TaskModel } from './task.ts';

interface Reading {
  readonly attentionMask: Tensor2D;
  readonly tokenTypeIds?: Tensor2D;
}

/** What the task needs of a tagger. */
interface Tagger extends TaskModel {
  readonly config: TextConfig;
  call(ids: Tensor2D, options: Reading): Tensor3D;
}

/** A tag for each word: parts of speech, named entities. */
export const tokenClassification: PrepareTask = async (request, train) => {
  const { config } = request;
  const { batchSize, seed, tooLong, labelSmoothing = 0, validationData } = config;
  const rows = await loadRows(config);
  const options = columnsOf(config, ['words', 'tags']);
  const known = validationData === undefined ? [...rows.train, ...rows.validation] : rows.train;
  const { labels } = taggingItems(known, options);
  const learned = taggingItems(rows.train, { ...options, labels });
  const heldOut = taggingItems(rows.validation, { ...options, labels });

  const tokenizer = await openTokenizer(request);
  const open = async (checkpoint: string | undefined): Promise<Tagger> =>
    openModel(AutoModelForTokenClassification, { ...request, checkpoint }, { newHead: true, labels });
  using model = await open(request.checkpoint);
  const { maxLength } = fitTokenizer(model, { tokenizer, maxLength: config.maxLength });
  const examples = encodeTags(learned.items, { tokenizer, maxLength, tooLong });
  const validation = encodeTags(heldOut.items, { tokenizer, maxLength, tooLong });
  const collator = collatorOf({ tokenizer, numLabels: labels.length });
  const data = new Batches(examples, { collator, batchSize, seed, lengthOf: ({ ids }) => ids.length });
  const isSegmented = hasTokenTypes(model, tokenizer);
  const readingOf = ({ attentionMask, tokenTypeIds }: TokenClassificationBatch): Reading =>
    isSegmented ? { attentionMask, tokenTypeIds } : { attentionMask };
  const [first] = heldOut.items;

  await train<Tagger, TokenClassificationBatch>({
    model,
    open,
    data,
    numExamples: examples.length,
    loss: (own, batch) => crossEntropy(own.call(batch.ids, readingOf(batch)), batch.targets, { labelSmoothing }),
    evaluate: async (own) => {
      const actual: number[][] = [];
      const predicted: number[][] = [];
      let total = 0;
      let numTags = 0;
      for (const batch of evaluationBatches(validation, { collator, batchSize: 2 * batchSize })) {
        const [loss, tags] = tidy(() =>
          withoutDropout((): [Scalar, Tensor2D] => {
            const logits = own.call(batch.ids, readingOf(batch)); // [batch, seq, labels]
            return [crossEntropy(logits, batch.targets), argMax(logits, 2)];
          }),
        );
        total += batch.tokens * ((await loss.data())[0] as number);
        numTags += batch.tokens;
        const [found, targets] = [await tags.array(), await batch.targets.array()];
        for (const [row, targetsOfRow] of targets.entries()) {
          const places = [...targetsOfRow.keys()].filter((place) => (targetsOfRow[place] ?? -1) >= 0);
          actual.push(places.map((place) => targetsOfRow[place] as number));
          predicted.push(places.map((place) => found[row]?.[place] as number));
        }
        loss.dispose();
        tags.dispose();
      }
      const { metrics, ...report } = tagReport({ labels, actual, predicted });
      return { metrics: { loss: total / numTags, ...metrics }, ...report };
    },
    best: { metric: hasEntities(labels) ? 'f1' : 'accuracy', greaterIsBetter: true },
    saveProcessor: (folder) => tokenizer.savePretrained(folder),
    unit: 'tags',
    facts: {
      data: `${config.data.join(', ')}: ${labels.length} tags (${labels.slice(0, 12).join(', ')}${labels.length > 12 ? ', …' : ''}), at most ${maxLength} tokens`,
      split: `${grouped(examples.length)} sentences to learn, ${grouped(validation.length)} held out`,
    },
    pipeline: `--task token-classification ${shellText(first?.words.join(' ') ?? '')}`,
  });
};
