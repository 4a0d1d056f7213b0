import { ConfigError } from '@formers/backend';

import type { NoiseText } from './noise.ts';
import type { TokenExample } from './token-example.ts';

/** Options of {@link joinSentences}. */
export interface JoinSentencesOptions {
  /** The most tokens of a piece, `begin` and `end` included. */
  seqLen: number;
  /** Id of the token before each piece, such as `<s>`; default none. */
  begin?: number | undefined;
  /** Id of the token behind each piece, such as `</s>`; default none. */
  end?: number | undefined;
}

/** Sentences behind each other, as the objectives of pre-training take them. */
export type JoinedSentences = Required<Pick<TokenExample, 'ids' | 'specialTokensMask' | 'words'>> & Required<NoiseText>;

/**
 * Whole sentences behind each other, as many as fit `seqLen` (RoBERTa's FULL-SENTENCES, Liu et al. 2019, section 4.2); a sentence that is longer, or a whole text
 * given as one, is cut.
 *
 * @param sentences Encoded without special tokens, in order.
 *
 * @example
 * const sentences = splitSentences(text).map((sentence) => tokenizer.encode(sentence, { addSpecialTokens: false }));
 * const examples = joinSentences(sentences, { seqLen: 128, begin: tokenizer.bosTokenId, end: tokenizer.eosTokenId });
 */
export function joinSentences(
  sentences: readonly TokenExample[],
  { seqLen, begin, end }: JoinSentencesOptions,
): JoinedSentences[] {
  const around = (begin === undefined ? 0 : 1) + (end === undefined ? 0 : 1);
  const most = seqLen - around;
  if (!(Number.isSafeInteger(seqLen) && most > 0))
    throw new ConfigError(`joinSentences: seqLen must be a whole number above ${around}, got ${seqLen}`);
  const joined: JoinedSentences[] = [];
  let parts: Part[] = [];
  let length = 0;
  const finish = (): void => {
    if (length > 0) joined.push(join(parts, { begin, end }));
    parts = [];
    length = 0;
  };
  for (const { ids, words } of sentences) {
    if (length + ids.length > most) finish();
    for (let start = 0; start < ids.length; start += most) {
      if (start > 0) finish();
      const piece = { ids: ids.subarray(start, start + most), words: words?.subarray(start, start + most) };
      parts.push(piece);
      length += piece.ids.length;
    }
  }
  finish();
  return joined;
}

interface Part {
  readonly ids: Int32Array;
  readonly words: Int32Array | undefined;
}

function join(
  parts: readonly Part[],
  { begin, end }: { begin: number | undefined; end: number | undefined },
): JoinedSentences {
  const ids: number[] = [];
  const numbers: number[] = []; // of words, counted on from sentence to sentence
  const sentenceStarts: number[] = [];
  const special = (id: number | undefined): void => {
    if (id === undefined) return;
    ids.push(id);
    numbers.push(-1);
  };
  special(begin);
  let next = 0;
  for (const part of parts) {
    sentenceStarts.push(ids.length);
    const base = next;
    part.ids.forEach((id, place) => {
      const word = base + (part.words?.[place] ?? place);
      ids.push(id);
      numbers.push(word);
      next = Math.max(next, word + 1);
    });
  }
  special(end);
  return {
    ids: Int32Array.from(ids),
    words: Int32Array.from(numbers),
    specialTokensMask: Int32Array.from(numbers, (number) => (number < 0 ? 1 : 0)),
    sentenceStarts,
  };
}
