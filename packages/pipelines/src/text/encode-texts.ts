import { ValueError } from '@formers/backend';
import type { EncodeOptions, Encoding, Tokenizer } from '@formers/tokenizers';

import type { ReadingModel } from './reading-model.ts';

/** A text, or a pair of them. */
export type TextOrPair = string | readonly [text: string, pair: string];

/** The most tokens that a model takes at once, special tokens included: what the tokenizer's files say, and no more than there are positions. */
export function maxTokens({ config }: Pick<ReadingModel, 'config'>, tokenizer: Tokenizer): number {
  return Math.min(config.contextLength, tokenizer.config.modelMaxLength ?? Infinity);
}

/** Texts as tokens, cut to what the model takes, without padding; `options` may cut in another way. */
export function encodeTexts(
  texts: readonly TextOrPair[],
  { model, tokenizer, options = {} }: { model: ReadingModel; tokenizer: Tokenizer; options?: EncodeOptions },
): Encoding[] {
  const { maxLength = maxTokens(model, tokenizer), truncation = true } = options;
  const { truncation_side: side } = tokenizer.config.toJson() as { truncation_side?: unknown };
  const encodings = tokenizer.encodeBatch(texts, {
    padding: false,
    ...(side === 'left' && { truncationSide: side }),
    ...options,
    ...(Number.isFinite(maxLength) ? { maxLength, truncation } : { truncation: false }),
  });
  for (const encoding of encodings) checkIds(encoding, { model, tokenizer });
  return encodings;
}

/** Engines clamp ids that a model lacks: they are refused here. */
function checkIds(encoding: Encoding, { model, tokenizer }: { model: ReadingModel; tokenizer: Tokenizer }): void {
  const { vocabSize, sourceVocabSize = vocabSize } = model.config;
  for (const part of [encoding, ...encoding.overflowing]) {
    const id = part.ids.find((id) => id >= sourceVocabSize);
    if (id !== undefined)
      throw new ValueError(
        `pipeline: tokenizer must fit the model's vocabulary of ${sourceVocabSize} tokens, got ${tokenizer.vocabSize} tokens, and the id ${id} for ${JSON.stringify(tokenizer.idToToken(id))}`,
      );
  }
}
