import type { Tokenizer } from '@formers/tokenizers';
import type { Tensor2D } from '@tensorflow/tfjs-core';

import type { Collator } from '../batches/collator.ts';
import { type PaddingOptions, padRows } from '../batches/pad.ts';
import { type TensorBatch, tensorBatch } from '../batches/tensor-batch.ts';
import { DataError } from '../errors.ts';
import type { TaggedWords } from '../tasks/tagging.ts';
import { IGNORED_LABEL } from '../token-batch.ts';
import { fitTokens, type LengthOptions } from './fit.ts';
import { specialId } from './special-tokens.ts';
import { checkLabel, countTargets, type EncoderTensors, encoderTensors, type TokenExample } from './token-example.ts';

/** Tokens with a tag each; -100 where there is none. */
export interface TaggedTokens extends TokenExample {
  readonly targets: Int32Array;
}

/** A batch of {@link tokenClassification}. */
export type TokenClassificationBatch = TensorBatch<
  EncoderTensors & {
    /** int32 [batch, seq]: ids of tags, -100 where there is none */
    readonly targets: Tensor2D;
  }
>;

/** Options of {@link tokenClassification}. */
export interface TokenClassificationOptions extends PaddingOptions {
  tokenizer: Tokenizer;
  /** How many tags the model has. */
  numLabels: number;
}

/** Words and their tags. */
export function tokenClassification({
  tokenizer,
  numLabels,
  ...padding
}: TokenClassificationOptions): Collator<TaggedTokens, TokenClassificationBatch> {
  const padId = specialId(tokenizer, { role: 'pad', where: 'tokenClassification' });
  return {
    identity: `tokenClassification ${JSON.stringify({ numLabels, padId, ...padding })}`,
    collate(examples, { step }) {
      const rows = examples.map((example) => example.targets);
      for (const target of rows.flatMap((row) => [...row]))
        if (target !== IGNORED_LABEL) checkLabel(target, { numLabels, where: 'tokenClassification' });
      const { ids, attentionMask, tokenTypeIds } = encoderTensors(examples, {
        padId,
        tokenizer,
        where: 'tokenClassification',
        ...padding,
      });
      const targets = padRows(rows, { length: ids.shape[1], value: IGNORED_LABEL });
      return tensorBatch({ ids, attentionMask, tokenTypeIds, targets }, { step, tokens: countTargets(rows) });
    },
  };
}

/**
 * Words as tokens: they are encoded as one text with spaces between, and each token gets the tag of the word that its last character stands in.
 *
 * @param options.tagAllPieces Tag every piece of a word; default only the first, the others get -100.
 * @throws {@link DataError} `empty`, `pair` for unequal numbers of words and tags, `too-long` naming file and row unless `tooLong` is `cut`.
 */
export function encodeTags(
  items: readonly TaggedWords[],
  { tokenizer, tagAllPieces = false, ...options }: LengthOptions & { tokenizer: Tokenizer; tagAllPieces?: boolean },
): TaggedTokens[] {
  if (items.length === 0) throw new DataError('empty', 'encodeTags: there are no words');
  return items.map(({ words, tags, where }) => {
    if (words.length !== tags.length)
      throw new DataError('pair', `${where}: ${words.length} words but ${tags.length} tags`);
    const encoding = fitTokens(tokenizer, { text: words.join(' '), where, ...options });
    const wordOf = wordNumbers(words);
    let before = -1;
    const targets = encoding.ids.map((_, token) => {
      const [start, end] = encoding.offsets[token] ?? [0, 0];
      const word = encoding.specialTokensMask[token] === 1 || end <= start ? -1 : (wordOf[end - 1] ?? -1);
      const isFirst = word !== before;
      if (word < 0) return IGNORED_LABEL;
      before = word;
      return isFirst || tagAllPieces ? (tags[word] ?? IGNORED_LABEL) : IGNORED_LABEL;
    });
    const { ids, typeIds, specialTokensMask } = encoding;
    return { ids, typeIds, specialTokensMask, targets };
  });
}

/** The number of the word at each place of the joined text; -1 for the spaces. */
function wordNumbers(words: readonly string[]): Int32Array {
  const numbers = new Int32Array(words.reduce((length, word) => length + word.length + 1, 0)).fill(-1);
  let at = 0;
  for (const [number, word] of words.entries()) {
    numbers.fill(number, at, at + word.length);
    at += word.length + 1;
  }
  return numbers;
}
