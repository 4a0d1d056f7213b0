import { grouped } from '@formers/cli';
import {
  Batches,
  encodeQuestions,
  evaluationBatches,
  questionAnswering as collatorOf,
  type QuestionAnsweringBatch,
  questionItems,
} from '@formers/data';
import { AutoModelForQuestionAnswering, questionAnswering as questionPipeline } from '@formers/pipelines';
import { meanLoss } from '@formers/training';
import type { Scalar, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';

import { columnsOf, loadRows } from '../data/load-rows.ts';
import { answerReport } from '../report/answer-report.ts';
import { openModel } from '../run/open-model.ts';
import { fitTokenizer, hasTokenTypes, openTokenizer, type TextConfig } from '../run/open-tokenizer.ts';
import { type PrepareTask, shellText, type TaskModel } from './task.ts';

interface Reading {
  readonly attentionMask: Tensor2D;
  readonly tokenTypeIds?: Tensor2D;
}

/** What the task needs of a model that finds answers. */
interface AnswerFinder extends TaskModel {
  readonly config: TextConfig;
  call(ids: Tensor2D, options?: Partial<Reading>): { readonly startLogits: Tensor2D; readonly endLogits: Tensor2D };
  loss(ids: Tensor2D, options: Reading & { starts: Tensor1D; ends: Tensor1D }): Scalar;
  dispose(): void;
}

/** The answer to a question, found in a text. */
export const questionAnswering: PrepareTask = async (request, train) => {
  const { config } = request;
  const { batchSize, seed } = config;
  const rows = await loadRows(config);
  const options = columnsOf(config, ['question', 'context', 'answers']);
  const learned = questionItems(rows.train, options);
  const heldOut = questionItems(rows.validation, options);

  const tokenizer = await openTokenizer(request);
  const open = async (checkpoint: string | undefined): Promise<AnswerFinder> =>
    openModel(AutoModelForQuestionAnswering, { ...request, checkpoint }, { newHead: true });
  using model = await open(request.checkpoint);
  const { maxLength } = fitTokenizer(model, {
    tokenizer,
    maxLength: config.maxLength ?? Math.min(384, model.config.contextLength, tokenizer.config.modelMaxLength ?? 384),
  });
  const windows = encodeQuestions(learned, { tokenizer, maxLength });
  const validation = encodeQuestions(heldOut, { tokenizer, maxLength });
  const collator = collatorOf({ tokenizer });
  const data = new Batches(windows, { collator, batchSize, seed, lengthOf: ({ ids }) => ids.length });
  const isSegmented = hasTokenTypes(model, tokenizer);
  const lossOf = (own: AnswerFinder, batch: QuestionAnsweringBatch): Scalar => {
    const { ids, attentionMask, tokenTypeIds, startPositions: starts, endPositions: ends } = batch;
    return own.loss(ids, { attentionMask, ...(isSegmented && { tokenTypeIds }), starts, ends });
  };
  const handleImpossibleAnswer = [...learned, ...heldOut].some(({ answers }) => answers.length === 0);
  const [first] = heldOut;

  await train<AnswerFinder, QuestionAnsweringBatch>({
    model,
    open,
    data,
    numExamples: windows.length,
    loss: lossOf,
    evaluate: async (own) => {
      const loss = await meanLoss(evaluationBatches(validation, { collator, batchSize }), (batch) =>
        lossOf(own, batch),
      );
      const ask = questionPipeline({ model: own, tokenizer });
      const found = await ask(
        heldOut.map(({ question }) => question),
        heldOut.map(({ context }) => context),
        { maxSeqLen: maxLength, docStride: Math.floor(maxLength / 4), maxAnswerLen: 30, handleImpossibleAnswer },
      );
      const { metrics, ...report } = answerReport(
        heldOut.map(({ question, answers }, i) => ({
          question,
          answers: answers.map(({ text }) => text),
          found: found[i]?.answer ?? '',
        })),
      );
      return { metrics: { loss, ...metrics }, ...report };
    },
    best: { metric: 'f1', greaterIsBetter: true },
    saveProcessor: (folder) => tokenizer.savePretrained(folder),
    unit: 'windows',
    facts: {
      data: `${config.data.join(', ')}: questions with texts, in windows of at most ${maxLength} tokens`,
      split: `${grouped(learned.length)} questions to learn (${grouped(windows.length)} windows), ${grouped(heldOut.length)} held out`,
    },
    pipeline: `--task question-answering ${shellText(first?.question ?? '')} --context ${shellText(first?.context ?? '', 400)}`,
  });
};
