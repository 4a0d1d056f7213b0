import { ConfigError, ValueError } from '@formers/backend';
import type { Encoding, Tokenizer } from '@formers/tokenizers';
import { type Tensor1D, tensor1d } from '@tensorflow/tfjs-core';

import type { Collator } from '../batches/collator.ts';
import type { PaddingOptions } from '../batches/pad.ts';
import { type TensorBatch, tensorBatch } from '../batches/tensor-batch.ts';
import { DataError } from '../errors.ts';
import type { AnsweredQuestion } from '../tasks/questions.ts';
import { specialId } from './special-tokens.ts';
import { type EncoderTensors, encoderTensors, type TokenExample } from './token-example.ts';

/** A question with a window of its context. */
export interface QuestionWindow extends TokenExample {
  /** First and last token of the answer; the first token of all where the window doesn't have the whole answer. */
  readonly start: number;
  readonly end: number;
  /** Which question this is a window of. */
  readonly question: number;
  /** Where each token of the context stands in it, in UTF-16 units; null for tokens of the question and special ones. */
  readonly contextOffsets: readonly (readonly [start: number, end: number] | null)[];
}

/** A batch of {@link questionAnswering}. */
export type QuestionAnsweringBatch = TensorBatch<
  EncoderTensors & {
    /** int32 [batch]: first token of the answer */
    readonly startPositions: Tensor1D;
    /** int32 [batch]: last token of the answer */
    readonly endPositions: Tensor1D;
  }
>;

/** Extractive question answering; a batch's `tokens` are its windows. */
export function questionAnswering({
  tokenizer,
  ...padding
}: PaddingOptions & { tokenizer: Tokenizer }): Collator<QuestionWindow, QuestionAnsweringBatch> {
  const padId = specialId(tokenizer, { role: 'pad', where: 'questionAnswering' });
  return {
    identity: `questionAnswering ${JSON.stringify({ padId, ...padding })}`,
    collate(examples, { step }) {
      for (const { ids, start, end } of examples)
        if (!(start >= 0 && start <= end && end < ids.length))
          throw new ValueError(`questionAnswering: answer must lie in ${ids.length} tokens, got ${start} to ${end}`);
      const { ids, attentionMask, tokenTypeIds } = encoderTensors(examples, {
        padId,
        tokenizer,
        where: 'questionAnswering',
        ...padding,
      });
      const startPositions = tensor1d(
        examples.map(({ start }) => start),
        'int32',
      );
      const endPositions = tensor1d(
        examples.map(({ end }) => end),
        'int32',
      );
      const tensors = { ids, attentionMask, tokenTypeIds, startPositions, endPositions };
      return tensorBatch(tensors, { step, tokens: examples.length });
    },
  };
}

/**
 * Questions with their contexts as tokens; contexts that are too long become several windows that share `stride` tokens. The first answer of each question is the
 * one that is learned.
 *
 * @param options.maxLength The most tokens of a window; default 384, or what tokenizer_config.json says if that is less.
 * @param options.stride Default 128, or a quarter of `maxLength` if that is less.
 * @throws {@link DataError} `empty`; `too-long` naming file and row for a question that leaves no room for the context.
 */
export function encodeQuestions(
  items: readonly AnsweredQuestion[],
  {
    tokenizer,
    maxLength = Math.min(384, tokenizer.config.modelMaxLength ?? 384),
    stride = Math.min(128, Math.floor(maxLength / 4)),
  }: { tokenizer: Tokenizer; maxLength?: number; stride?: number },
): QuestionWindow[] {
  if (items.length === 0) throw new DataError('empty', 'encodeQuestions: there are no questions');
  if (!(Number.isSafeInteger(maxLength) && maxLength > 0))
    throw new ConfigError(`encodeQuestions: maxLength must be a whole number from 1, got ${maxLength}`);
  if (!(Number.isSafeInteger(stride) && stride >= 0 && stride < maxLength))
    throw new ConfigError(`encodeQuestions: stride must be a whole number in [0, ${maxLength}), got ${stride}`);
  return items.flatMap((item, question) => {
    const { length } = tokenizer.encode(item.question, { pair: '', truncation: false, padding: false });
    if (length + stride >= maxLength)
      throw new DataError(
        'too-long',
        `${item.where}: the question has ${length} tokens, which leaves no room for a context in ${maxLength} with stride ${stride}`,
      );
    const first = tokenizer.encode(item.question, {
      pair: item.context,
      truncation: 'only_second',
      truncationSide: 'right',
      maxLength,
      stride,
      padding: false,
    });
    return [first, ...first.overflowing].map((window) => windowOf(window, { item, question }));
  });
}

function windowOf(window: Encoding, { item, question }: { item: AnsweredQuestion; question: number }): QuestionWindow {
  const { ids, typeIds, specialTokensMask, words, offsets, sequenceIds } = window;
  const contextOffsets = offsets.map((range, token) =>
    sequenceIds[token] === 1 && specialTokensMask[token] !== 1 ? range : null,
  );
  const [answer] = item.answers;
  const span = answer ? spanOf(contextOffsets, answer) : undefined;
  const { start, end } = span ?? { start: 0, end: 0 };
  return { ids, typeIds, specialTokensMask, words, start, end, question, contextOffsets };
}

/** The tokens that an answer touches; undefined when some of it is outside of the window. */
function spanOf(
  offsets: QuestionWindow['contextOffsets'],
  { text, start }: { text: string; start: number },
): { start: number; end: number } | undefined {
  const trimmed = text.trim();
  const from = start + text.indexOf(trimmed);
  const to = from + trimmed.length;
  const first = offsets.findIndex((range) => range !== null && range[1] > from);
  const last = offsets.findLastIndex((range) => range !== null && range[0] < to);
  const [begin, finish] = [offsets[first]?.[0], offsets[last]?.[1]];
  if (begin === undefined || finish === undefined || begin > from || finish < to || last < first) return undefined;
  return { start: first, end: last };
}
