import type { ScoredPiece } from '../models/unigram.ts';
import { byCodePoints } from './merge-trainer.ts';

/**
 * The pieces that unigram training starts from: all characters, and the substrings of words that come at least twice with different
 * continuations, up to `maxLength` characters; the score of a substring is its count times its length, as a logarithm of its share.
 */
export function seedPieces(
  counts: ReadonlyMap<string, number>,
  { maxLength, limit }: { maxLength: number; limit: number },
): ScoredPiece[] {
  const characters = new Map<string, number>();
  for (const [word, count] of counts) {
    for (const char of word) if (char !== '\0') characters.set(char, (characters.get(char) ?? 0) + count);
  }
  const ranked = [...characters].sort(([a, countA], [b, countB]) => countB - countA || byCodePoints(b, a));
  const repeats = findRepeats([...counts.keys()], maxLength).sort(
    (a, b) => b.score - a.score || byCodePoints(b.text, a.text),
  );
  const pieces = ranked.map(([char, count]): ScoredPiece => [char, count]);
  for (const { text, score } of repeats) {
    if (pieces.length >= limit) break;
    pieces.push([text, score]);
  }
  const total = Math.log(pieces.reduce((sum, [, score]) => sum + score, 0));
  return pieces.map(([piece, score]) => [piece, Math.log(score) - total]);
}

/**
 * Repeated substrings of 2 to `maxLength` characters that are followed by different characters (the end of a word counts as one):
 * the inner nodes of the suffix tree of all words, read off the sorted suffixes.
 */
function findRepeats(words: readonly string[], maxLength: number): { text: string; score: number }[] {
  const chars = Int32Array.from(
    words.flatMap((word) => (word.length > 0 ? [...word].map((char) => char.codePointAt(0) ?? 0).concat(0) : [])),
  );
  const depthLimit = maxLength + 1;
  const common = (a: number, b: number): number => {
    let length = 0;
    while (
      length < depthLimit &&
      a + length < chars.length &&
      b + length < chars.length &&
      chars[a + length] === chars[b + length]
    )
      length++;
    return length;
  };
  const suffixes = Int32Array.from(chars.keys()).sort((a, b) => {
    const length = common(a, b);
    return length === depthLimit ? 0 : (chars[a + length] ?? -1) - (chars[b + length] ?? -1);
  });
  const repeats: { text: string; score: number }[] = [];
  const close = (depth: number, first: number, end: number): void => {
    const begin = suffixes[first] ?? 0;
    const text = chars.subarray(begin, begin + depth);
    if (depth < 2 || depth > maxLength || text.includes(0)) return;
    repeats.push({ text: String.fromCodePoint(...text), score: (end - first) * depth });
  };
  const open: { depth: number; first: number }[] = []; // nodes around the current suffix, by growing depth
  for (let index = 1; index <= suffixes.length; index++) {
    const depth = index < suffixes.length ? common(suffixes[index - 1] ?? 0, suffixes[index] ?? 0) : 0;
    let first = index - 1;
    for (let top = open.at(-1); top && top.depth > depth; top = open.at(-1)) {
      close(top.depth, top.first, index);
      first = top.first;
      open.pop();
    }
    if (depth > (open.at(-1)?.depth ?? 0)) open.push({ depth, first });
  }
  return repeats;
}
