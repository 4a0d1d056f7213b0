import type { Encoding } from '@formers/tokenizers';
import type { Tensor3D } from '@tensorflow/tfjs-core';

import { checkChoice, checkCount, checkTexts, refuse } from '../inputs.ts';
import { type CallOptions, runBatches, takeValues } from '../run-batches.ts';
import { softmax } from '../scores.ts';
import { encodeTexts, maxTokens } from '../text/encode-texts.ts';
import type { ClassifyingConfig, ReadingModel } from '../text/reading-model.ts';
import { callOnBatch, rowsAtOnce } from '../text/text-batch.ts';
import { aggregate, type AggregationStrategy, longestOfOverlapping, STRATEGIES } from './entities/aggregate.ts';
import type { EntityGroup, TokenEntity } from './entities/entity.ts';
import { scoredTokens } from './entities/scored-tokens.ts';
import { definePipeline, type TextParts, type TextPipeline } from './task.ts';

const TASK = 'token-classification';

/** How tokens are classified. */
export interface TokenClassificationOptions<
  Strategy extends AggregationStrategy = AggregationStrategy,
> extends CallOptions {
  /**
   * Whether tokens become entities: `none` (default) gives each token; `simple` joins neighbours of one class; `first`, `average` and `max` decide first for
   * each word: by its first token, by the mean of its tokens, or by the surest one.
   */
  readonly aggregationStrategy?: Strategy | undefined;
  /** Classes that are left out; default `['O']`. */
  readonly ignoreLabels?: readonly string[] | undefined;
  /** Long texts are read in parts that share this many tokens; by default they are cut. Needs an aggregation strategy. */
  readonly stride?: number | undefined;
}

/** What is found: tokens or, with a strategy, entities. */
export type Entities<Strategy extends AggregationStrategy> = [Strategy] extends ['none']
  ? TokenEntity[]
  : 'none' extends Strategy
    ? EntityGroup[] | TokenEntity[]
    : EntityGroup[];

/** A model that {@link tokenClassification} takes: its logits are [batch, seq, labels]. */
export type TokenClassifier = ReadingModel<Tensor3D, ClassifyingConfig>;

/** Finds names and other classes of words in texts. */
export interface TokenClassificationPipeline extends TextPipeline<typeof TASK, TokenClassifier> {
  <Strategy extends AggregationStrategy = 'none'>(
    text: string,
    options?: TokenClassificationOptions<Strategy>,
  ): Promise<Entities<Strategy>>;
  <Strategy extends AggregationStrategy = 'none'>(
    texts: readonly string[],
    options?: TokenClassificationOptions<Strategy>,
  ): Promise<Entities<Strategy>[]>;
}

/**
 * A pipeline that classifies the tokens of texts.
 *
 * @example
 * const tag = tokenClassification({ model, tokenizer });
 * for (const { entity_group, start, end } of await tag(text, { aggregationStrategy: 'simple' }))
 *   console.log(entity_group, text.slice(start, end));
 */
export function tokenClassification({ model, tokenizer }: TextParts<TokenClassifier>): TokenClassificationPipeline {
  const { labels } = model.config;
  const call = async (
    input: string | readonly string[],
    { aggregationStrategy = 'none', ignoreLabels = ['O'], stride, ...options }: TokenClassificationOptions = {},
  ): Promise<unknown> => {
    const texts = checkTexts(input, { where: TASK, name: 'text' });
    const strategy = checkChoice(aggregationStrategy, { among: STRATEGIES, where: TASK, name: 'aggregationStrategy' });
    checkStride(stride, { strategy, limit: maxTokens(model, tokenizer) });
    const parts = encodeTexts(texts, { model, tokenizer, options: stride === undefined ? {} : { stride } }).flatMap(
      (encoding, text) => partsOf(encoding, stride).map((part) => ({ part, text })),
    );
    const batchSize = rowsAtOnce(model, options.batchSize ?? 8);
    const found = await runBatches(parts, { ...options, batchSize }, async (batch) => {
      const encodings = batch.map(({ part }) => part);
      const scores = await tokenScores(model, encodings, { tokenizer, numLabels: labels.length });
      return batch.map(({ part, text }, row) => {
        const tokens = scoredTokens(part, {
          text: texts[text] as string,
          scores: scores[row] as number[][],
          tokenizer,
        });
        const entities = aggregate(tokens, { strategy, labels, tokenizer });
        const isWanted = (entity: EntityGroup | TokenEntity): boolean =>
          !ignoreLabels.includes('entity' in entity ? entity.entity : entity.entity_group);
        return { text, entities: entities.filter(isWanted) };
      });
    });
    const results = texts.map((_, i) => {
      const own = found.filter(({ text }) => text === i).map(({ entities }) => entities);
      return own.length > 1 ? longestOfOverlapping(own.flat() as EntityGroup[]) : own.flat();
    });
    return Array.isArray(input) ? results : results[0];
  };
  return definePipeline(call as TokenClassificationPipeline, { task: TASK, model, tokenizer });
}

function checkStride(
  stride: number | undefined,
  { strategy, limit }: { strategy: AggregationStrategy; limit: number },
): void {
  if (stride === undefined) return;
  const argument = { where: TASK, name: 'stride' };
  checkCount(stride, { ...argument, least: 0 });
  if (strategy === 'none')
    refuse(argument, 'given with an aggregationStrategy, which joins the parts of a text', stride);
  if (stride >= limit) refuse(argument, `below the ${limit} tokens that the model takes`, stride);
}

/** The encoding itself and, with a stride, what didn't fit. */
function partsOf(encoding: Encoding, stride: number | undefined): Encoding[] {
  return stride === undefined ? [encoding] : [encoding, ...encoding.overflowing];
}

/** Probabilities of the classes, of each token of each text. */
async function tokenScores(
  model: TokenClassifier,
  encodings: readonly Encoding[],
  { tokenizer, numLabels }: { tokenizer: TextParts<TokenClassifier>['tokenizer']; numLabels: number },
): Promise<number[][][]> {
  const logits = callOnBatch(model, encodings, { tokenizer, read: (output) => output });
  const [, seq] = logits.shape;
  const values = await takeValues(logits);
  return encodings.map((encoding, row) =>
    Array.from({ length: encoding.length }, (_, token) => {
      const start = (row * seq + token) * numLabels;
      return softmax(values.subarray(start, start + numLabels));
    }),
  );
}
