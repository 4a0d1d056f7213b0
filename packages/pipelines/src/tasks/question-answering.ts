import type { Encoding } from '@formers/tokenizers';
import { stack, type Tensor2D } from '@tensorflow/tfjs-core';

import { checkCount, checkTexts, checkTopK, refuse } from '../inputs.ts';
import { type CallOptions, runBatches, takeValues } from '../run-batches.ts';
import { maxTokens } from '../text/encode-texts.ts';
import type { ReadingModel } from '../text/reading-model.ts';
import { callOnBatch, rowsAtOnce } from '../text/text-batch.ts';
import { contextParts } from './answers/context-parts.ts';
import { likeliestSpans, placeOf } from './answers/spans.ts';
import { definePipeline, type TextParts, type TextPipeline } from './task.ts';

const TASK = 'question-answering';

/** An answer in a context. */
export interface Answer {
  /** Empty where the context has none. */
  readonly answer: string;
  /** Its probability. */
  readonly score: number;
  /** Where it begins in the context, in UTF-16 units. */
  readonly start: number;
  /** Where it ends: `context.slice(start, end)`. */
  readonly end: number;
}

/** How questions are answered. */
export interface QuestionAnsweringOptions<TopK extends number | null = number | null> extends CallOptions {
  /** How many answers, the likeliest first; default 1, null for all that were looked at. */
  readonly topK?: TopK | undefined;
  /** The most tokens of an answer; default 15. */
  readonly maxAnswerLen?: number | undefined;
  /** The most tokens that the model is given at once, question included; longer contexts are read in parts. Default 384. */
  readonly maxSeqLen?: number | undefined;
  /** How many tokens two parts share; default 128, and at most half of `maxSeqLen`. */
  readonly docStride?: number | undefined;
  /** Whether "no answer" is an answer, an empty one; default false. */
  readonly handleImpossibleAnswer?: boolean | undefined;
  /** Whether answers are made of whole words; default true. */
  readonly alignToWords?: boolean | undefined;
}

/** What one question gets: an answer where `topK` is 1, else a list. */
export type Answers<TopK extends number | null> = [TopK] extends [1]
  ? Answer
  : 1 extends TopK
    ? Answer | Answer[]
    : Answer[];

/** A model that {@link questionAnswering} takes: its logits are [batch, seq]. */
export type AnswerFinder = ReadingModel<{ readonly startLogits: Tensor2D; readonly endLogits: Tensor2D }>;

/** Finds answers to questions in contexts. */
export interface QuestionAnsweringPipeline extends TextPipeline<typeof TASK, AnswerFinder> {
  <TopK extends number | null = 1>(
    question: string,
    context: string,
    options?: QuestionAnsweringOptions<TopK>,
  ): Promise<Answers<TopK>>;
  /** As many contexts as questions, or one for all of them. */
  <TopK extends number | null = 1>(
    questions: readonly string[],
    contexts: string | readonly string[],
    options?: QuestionAnsweringOptions<TopK>,
  ): Promise<Answers<TopK>[]>;
}

/**
 * A pipeline that finds answers in texts.
 *
 * @example
 * const ask = questionAnswering({ model, tokenizer });
 * const { answer, start, end } = await ask('What is my name?', 'Call me Ishmael.');
 */
export function questionAnswering({ model, tokenizer }: TextParts<AnswerFinder>): QuestionAnsweringPipeline {
  const call = async (
    question: string | readonly string[],
    context: string | readonly string[],
    { topK = 1, ...options }: QuestionAnsweringOptions = {},
  ): Promise<unknown> => {
    const settings = readSettings(options, { topK, limit: maxTokens(model, tokenizer) });
    const asked = readQuestions(question, context);
    const parts = asked.flatMap((pair, number) =>
      contextParts(pair, { model, tokenizer, ...settings }).map((encoding) => ({ encoding, number })),
    );
    const batchSize = rowsAtOnce(model, options.batchSize ?? 8);
    const found = await runBatches(parts, { ...options, batchSize }, async (batch) => {
      const encodings = batch.map(({ encoding }) => encoding);
      const logits = callOnBatch(model, encodings, {
        tokenizer,
        read: ({ startLogits, endLogits }) => stack([startLogits, endLogits]), // [2, batch, seq]
      });
      const [, , seq] = logits.shape as [number, number, number];
      const values = await takeValues(logits);
      return batch.map(({ encoding, number }, row) => {
        const rowOf = (side: number): Float32Array =>
          values.subarray((side * batch.length + row) * seq).subarray(0, seq);
        const answers = likeliestSpans(encoding, {
          startLogits: rowOf(0),
          endLogits: rowOf(1),
          clsTokenId: tokenizer.clsTokenId,
          count: settings.candidates,
          maxAnswerLen: settings.maxAnswerLen,
        });
        return { encoding, number, ...answers };
      });
    });
    const results = asked.map(({ context }, number) => {
      const own = found.filter((part) => part.number === number);
      const best = bestAnswers(own, { context, ...settings });
      return topK === 1 ? best[0] : best;
    });
    return Array.isArray(question) ? results : results[0];
  };
  return definePipeline(call as QuestionAnsweringPipeline, { task: TASK, model, tokenizer });
}

interface Settings {
  readonly count: number;
  /** How many spans of each part are looked at: some fall together when they become whole words. */
  readonly candidates: number;
  readonly maxAnswerLen: number;
  readonly maxSeqLen: number;
  readonly docStride: number;
  readonly handleImpossibleAnswer: boolean;
  readonly alignToWords: boolean;
}

function readSettings(
  options: QuestionAnsweringOptions,
  { topK, limit }: { topK: number | null; limit: number },
): Settings {
  const { maxAnswerLen = 15, handleImpossibleAnswer = false, alignToWords = true } = options;
  const count = checkTopK(topK, TASK);
  const maxSeqLen = checkCount(options.maxSeqLen ?? Math.min(384, limit), { where: TASK, name: 'maxSeqLen' });
  const docStride = checkCount(options.docStride ?? Math.min(128, Math.floor(maxSeqLen / 2)), {
    where: TASK,
    name: 'docStride',
    least: 0,
  });
  if (docStride >= maxSeqLen) refuse({ where: TASK, name: 'docStride' }, `below maxSeqLen (${maxSeqLen})`, docStride);
  checkCount(maxAnswerLen, { where: TASK, name: 'maxAnswerLen' });
  const candidates = alignToWords ? 2 * count + 10 : count;
  return { count, candidates, maxAnswerLen, maxSeqLen, docStride, handleImpossibleAnswer, alignToWords };
}

function readQuestions(question: unknown, context: unknown): { question: string; context: string }[] {
  const questions = checkTexts(question, { where: TASK, name: 'question' });
  const contexts = checkTexts(context, { where: TASK, name: 'context' });
  if (Array.isArray(context) && contexts.length !== questions.length)
    refuse({ where: TASK, name: 'context' }, `one text or ${questions.length}, as many as questions`, contexts.length);
  return questions.map((question, i) => {
    const context = contexts[contexts.length > 1 ? i : 0] ?? '';
    if (context.trim() === '') refuse({ where: TASK, name: 'context' }, 'a text that is not empty', context);
    if (question.trim() === '') refuse({ where: TASK, name: 'question' }, 'a text that is not empty', question);
    return { question, context };
  });
}

/** The answers of all parts of a context; those with the same words count together. */
function bestAnswers(
  parts: readonly (ReturnType<typeof likeliestSpans> & { encoding: Encoding })[],
  { context, count, handleImpossibleAnswer, alignToWords }: Settings & { context: string },
): Answer[] {
  const answers = new Map<string, Answer>();
  for (const { encoding, spans } of parts) {
    for (const span of spans) {
      const [start, end] = placeOf(span, encoding, { alignToWords });
      const answer = context.slice(start, end);
      const same = answers.get(answer.toLowerCase());
      const score = span.score + (same?.score ?? 0);
      answers.set(answer.toLowerCase(), same ? { ...same, score } : { answer, score, start, end });
    }
  }
  const nothing = { answer: '', score: Math.min(1, ...parts.map(({ nullScore }) => nullScore)), start: 0, end: 0 };
  const all = [...answers.values(), ...(handleImpossibleAnswer ? [nothing] : [])];
  const best = all.toSorted((a, b) => b.score - a.score).slice(0, count);
  return best.length > 0 ? best : [{ ...nothing, score: 0 }];
}
