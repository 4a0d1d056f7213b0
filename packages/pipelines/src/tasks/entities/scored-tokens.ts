import type { Encoding, Tokenizer } from '@formers/tokenizers';

/** A token of a text, and the probabilities of its classes. */
export interface ScoredToken {
  readonly id: number;
  /** As the vocabulary has it; unknown ones as the text has them. */
  readonly word: string;
  readonly isUnknown: boolean;
  readonly scores: readonly number[];
  readonly index: number;
  readonly start: number;
  readonly end: number;
  /** Whether it goes on with the word of the token before it. */
  readonly isSubword: boolean;
}

/** The tokens of an encoding but for special ones. */
export function scoredTokens(
  encoding: Encoding,
  { text, scores, tokenizer }: { text: string; scores: readonly (readonly number[])[]; tokenizer: Tokenizer },
): ScoredToken[] {
  const isSubword = subwordRule(tokenizer);
  return encoding.offsets.flatMap(([start, end], index) => {
    if (encoding.specialTokensMask[index] === 1) return [];
    const id = encoding.ids[index] as number;
    const token = tokenizer.idToToken(id) ?? '';
    const isUnknown = id === tokenizer.unkTokenId;
    return {
      id,
      word: isUnknown ? text.slice(start, end) : token,
      isUnknown,
      scores: scores[index] as readonly number[],
      index,
      start,
      end,
      isSubword: !isUnknown && isSubword({ token, text, start, end }),
    };
  });
}

type SubwordRule = (place: { token: string; text: string; start: number; end: number }) => boolean;

/** As Hugging Face decides: tokens that are longer than their text have a prefix that says so; where there are no such prefixes, by the spaces around. */
function subwordRule(tokenizer: Tokenizer): SubwordRule {
  const { model } = tokenizer.toJson() as { model?: { continuing_subword_prefix?: unknown } };
  const { continuing_subword_prefix: prefix } = model ?? {};
  if (typeof prefix === 'string' && prefix !== '')
    return ({ token, text, start, end }) => codePoints(token) !== codePoints(text.slice(start, end));
  return ({ text, start }) => start > 0 && !text.slice(beforeOf(text, start), start + 1).includes(' ');
}

function codePoints(text: string): number {
  return Array.from(text).length;
}

/** Where the character before a place begins. */
function beforeOf(text: string, place: number): number {
  return place > 1 && (text.codePointAt(place - 2) ?? 0) > 0xff_ff ? place - 2 : place - 1;
}
