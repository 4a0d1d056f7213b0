import { count, grouped } from '@formers/cli';
import { evaluationBatches, type SequenceToSequenceBatch } from '@formers/data';
import { generate, type LanguageModel } from '@formers/generation';
import type { Tokenizer } from '@formers/tokenizers';
import type { Metrics } from '@formers/training';
import {
  add,
  argMax,
  cast,
  equal,
  gather,
  greaterEqual,
  maximum,
  mul,
  type Scalar,
  sub,
  sum,
  tensor1d,
  type Tensor2D,
  type Tensor3D,
} from '@tensorflow/tfjs-core';

import type { RunModel } from '../family.ts';
import { meanOf, tallyGuesses } from '../measure.ts';
import type { Sizes } from '../text-options.ts';

/** Held-out sequences that are evaluated. */
export const EVALUATED: Readonly<Record<'fast' | 'slow', number>> = { fast: 512, slow: 48 };

/** Batches are padded to multiples of it, so that engines meet fewer shapes. */
export const PADDING = 8;

/** The context that holds padded texts of so many tokens. */
export function paddedContext(length: number): number {
  return PADDING * Math.ceil(length / PADDING);
}

/** What encoder-decoders are told beside the ids of the source. */
interface DecoderInputs {
  readonly attentionMask: Tensor2D;
  readonly decoderIds: Tensor2D;
  readonly decoderAttentionMask: Tensor2D;
}

/** A model that reads a text and writes another. */
export interface SequenceModel extends RunModel {
  call(ids: Tensor2D, options: DecoderInputs): Tensor3D;
  loss(ids: Tensor2D, options: DecoderInputs & { targets: Tensor2D; labelSmoothing?: number }): Scalar;
}

/** The loss of a batch, with teacher forcing. */
export function sequenceLoss(
  model: SequenceModel,
  { ids, attentionMask, decoderIds, decoderAttentionMask, targets }: SequenceToSequenceBatch,
  options: { labelSmoothing?: number } = {},
): Scalar {
  return model.loss(ids, { attentionMask, decoderIds, decoderAttentionMask, targets, ...options });
}

/**
 * Loss and accuracy of each next token of held-out batches, with teacher forcing and without label smoothing.
 *
 * @param options.isAnswer Which tokens are words of the text, and not of the form of the target as T5's sentinels are: then there is `span_accuracy` too, of these and among these alone.
 */
export async function evaluateSequences<Example>(
  model: SequenceModel,
  {
    examples,
    isAnswer,
    vocabSize,
    ...options
  }: {
    examples: readonly Example[];
    isAnswer?: ((id: number) => boolean) | undefined;
    vocabSize: number;
  } & Parameters<typeof evaluationBatches<Example, SequenceToSequenceBatch>>[1],
): Promise<Metrics> {
  const answers = isAnswer && tensor1d(Float32Array.from({ length: vocabSize }, (_, id) => Number(isAnswer(id))));
  try {
    const means = await meanOf(evaluationBatches(examples, options), (batch) => {
      const { ids, attentionMask, decoderIds, decoderAttentionMask, targets, tokens: count } = batch;
      const logits = model.call(ids, { attentionMask, decoderIds, decoderAttentionMask }); // [batch, seq, vocab]
      const tallies = tallyGuesses(logits, { targets, count });
      if (!answers) return tallies;
      const among = add(logits, mul(sub(answers, 1), 1e9)); // [batch, seq, vocab], other tokens out of the question
      const isAsked = mul(
        gather(answers, cast(maximum(targets, 0), 'int32')),
        cast(greaterEqual(targets, 0), 'float32'),
      ); // [batch, seq], 1 where the token is an answer
      const isRight = cast(equal(argMax(among, -1), targets), 'float32'); // [batch, seq]
      return {
        ...tallies,
        answers: { sum: sum(isAsked), count },
        rightAnswers: { sum: sum(mul(isAsked, isRight)), count },
      };
    });
    const { loss = Number.NaN, accuracy = Number.NaN, answers: asked, rightAnswers: right = 0 } = means;
    return { loss, accuracy, ...(asked !== undefined && { span_accuracy: right / asked }) };
  } finally {
    answers?.dispose();
  }
}

/** What the model writes for some sources, most likely token by token, and what was wanted. */
export async function writeAnswers(
  model: LanguageModel,
  {
    pairs,
    tokenizer,
    skipSpecialTokens = true,
    maxNewTokens = 48,
    tell = (answer) => tokenizer.decode([...answer], { skipSpecialTokens }),
  }: {
    pairs: readonly { source: readonly number[]; target: string }[];
    tokenizer: Tokenizer;
    skipSpecialTokens?: boolean;
    maxNewTokens?: number;
    tell?: (answer: readonly number[], source: readonly number[]) => string;
  },
): Promise<{ text: string; facts: { answers: object[] } }> {
  const prompts = pairs.map(({ source }) => [...source]);
  const { newTokens } = await generate(model, prompts, {
    maxNewTokens: Math.min(maxNewTokens, model.config.contextLength - 1),
  });
  const answers = pairs.map(({ source, target }, i) => ({
    source: tokenizer.decode(
      source.filter((id) => id !== tokenizer.padTokenId),
      { skipSpecialTokens },
    ),
    answer: tell(newTokens[i] ?? [], source),
    target,
  }));
  const lines = answers.map(({ source, answer, target }) => `reads   ${source}\nwrites  ${answer}\nwanted  ${target}`);
  return { text: lines.join('\n\n'), facts: { answers } };
}

/** The line on an encoder-decoder. */
export function describeModel(
  title: string,
  {
    model,
    numLayers,
    numHeads,
    dim,
    contextLength,
  }: Pick<Sizes, 'numLayers' | 'numHeads' | 'dim' | 'contextLength'> & { model: RunModel },
): string {
  return `${title}, ${grouped(model.numParameters)} parameters: ${count(numLayers, 'layer')} on each side, ${count(numHeads, 'head')}, ${dim} wide, texts of ${contextLength} tokens`;
}
