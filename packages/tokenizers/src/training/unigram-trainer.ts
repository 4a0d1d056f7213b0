import { TokenizerError } from '../errors.ts';
import { PieceTrie } from '../models/piece-trie.ts';
import { unknownPenalty, type ScoredPiece } from '../models/unigram.ts';
import { Lattice, type PieceModel } from './lattice.ts';
import { byCodePoints } from './merge-trainer.ts';
import { seedPieces } from './seed-pieces.ts';

/** How unigram pieces are learned. */
export interface UnigramTrainerOptions {
  /** How many pieces are wanted. */
  readonly size: number;
  /** How many tokens there are beside the pieces; pruning counts them in. */
  readonly specialCount: number;
  /** Share of the pieces that survives each round; 0.75 by default. */
  readonly shrinkingFactor?: number;
  /** Rounds of expectation maximization between two prunings; 2 by default. */
  readonly subIterations?: number;
  /** The most characters of a piece; 16 by default. */
  readonly maxPieceLength?: number;
  /** The most pieces to start from; 1,000,000 by default. */
  readonly seedSize?: number;
}

const unknown: ScoredPiece = ['<UNK>', Number.NaN]; // piece 0 while training

/**
 * Learns pieces and their log-probabilities: many seeds, expectation maximization, and again and again the pieces cut away that cost the least
 * likelihood. Kudo, "Subword Regularization" (2018), section 3.2, with the details of the tokenizers library's trainer (sentencepiece's).
 * Pieces come in descending score (rounded to six decimals), ties in order of code points; all characters of the words are kept.
 */
export function learnUnigram(counts: ReadonlyMap<string, number>, options: UnigramTrainerOptions): ScoredPiece[] {
  const {
    size,
    specialCount,
    shrinkingFactor = 0.75,
    subIterations = 2,
    maxPieceLength = 16,
    seedSize = 1_000_000,
  } = options;
  const required = new Set([...counts.keys()].flatMap((word) => [...word]));
  if (required.size > size)
    throw new TokenizerError('argument', `trainUnigram: ${size} pieces can't hold all ${required.size} characters`);
  const target = Math.floor(((size + specialCount) * 11) / 10);
  let pieces: ScoredPiece[] = [unknown, ...seedPieces(counts, { maxLength: maxPieceLength, limit: seedSize })];
  for (;;) {
    for (let round = 0; round < subIterations; round++) pieces = maximize(pieces, expectations(counts, pieces));
    if (pieces.length <= target) break;
    pieces = prune(pieces, counts, Math.max(target, Math.floor(pieces.length * shrinkingFactor)));
  }
  return finish(pieces, required, size);
}

function modelOf(pieces: readonly ScoredPiece[]): PieceModel {
  return {
    trie: new PieceTrie(pieces.map(([piece]) => piece)),
    scores: Float64Array.from(pieces, ([, score]) => score),
    unknownScore: leastScore(pieces) - unknownPenalty,
  };
}

function leastScore(pieces: readonly ScoredPiece[]): number {
  return pieces.reduce((least, [, score]) => (score < least ? score : least), Number.POSITIVE_INFINITY);
}

/** How often each piece is expected to be used. */
function expectations(counts: ReadonlyMap<string, number>, pieces: readonly ScoredPiece[]): Float64Array {
  const model = modelOf(pieces);
  const expected = new Float64Array(pieces.length);
  for (const [word, count] of counts) new Lattice(word, model).addExpectations(expected, count);
  return expected;
}

/** Scores from expected counts, by digamma rather than the logarithm, which drives rare pieces down (Liang & Klein 2007); very rare ones go. */
function maximize(pieces: readonly ScoredPiece[], expected: Float64Array): ScoredPiece[] {
  const kept = pieces
    .map(([piece], index) => [piece, expected[index] ?? 0] as const)
    .filter(([, count], index) => index > 0 && !(count < 0.5));
  const total = digamma(kept.reduce((sum, [, count]) => sum + count, 0));
  return [unknown, ...kept.map(([piece, count]): ScoredPiece => [piece, digamma(count) - total])];
}

/** Keeps about `size` pieces: those that can't be replaced, then those whose words would lose the most likelihood by their next best split. */
function prune(pieces: readonly ScoredPiece[], counts: ReadonlyMap<string, number>, size: number): ScoredPiece[] {
  const model = modelOf(pieces);
  const frequency = new Float64Array(pieces.length); // of pieces in the best splits
  const wordFrequency = new Float64Array(pieces.length); // of the words with the piece in their best split, once per use
  let wordTotal = 0;
  for (const [word, count] of counts) {
    wordTotal += count;
    for (const piece of new Lattice(word, model).viterbi()) {
      frequency[piece] = (frequency[piece] ?? 0) + count;
      wordFrequency[piece] = (wordFrequency[piece] ?? 0) + count;
    }
  }
  const total = frequency.reduce((sum, count) => sum + count, 0);
  const kept: ScoredPiece[] = [unknown];
  const candidates: { piece: ScoredPiece; loss: number }[] = [];
  for (const [id, piece] of pieces.entries()) {
    if (id === 0) continue;
    const [best, second] = new Lattice(piece[0], model).best(2);
    const alwaysKeep = second === undefined || best?.length === 1;
    const alternatives = second !== undefined && best?.length === 1 ? second : [];
    const count = frequency[id] ?? 0;
    if (count === 0 && !alwaysKeep) continue;
    if (alternatives.length === 0) {
      kept.push(piece);
      continue;
    }
    if ((wordFrequency[id] ?? 0) === 0) continue;
    const share = (wordFrequency[id] ?? 0) / wordTotal;
    // The library multiplies by the number of all pieces, where the pieces of the alternative are meant; kept for equal vocabularies.
    const logTotal = Math.log(total + count * (pieces.length - 1));
    const alternativeScore = alternatives.reduce(
      (sum, other) => sum + Math.log((frequency[other] ?? 0) + count) - logTotal,
      0,
    );
    candidates.push({ piece, loss: share * (Math.log(count) - Math.log(total) - alternativeScore) });
  }
  candidates.sort((a, b) => b.loss - a.loss);
  return [...kept, ...candidates.slice(0, Math.max(0, size - kept.length)).map(({ piece }) => piece)];
}

function finish(pieces: readonly ScoredPiece[], required: ReadonlySet<string>, size: number): ScoredPiece[] {
  const chosen = scoreCharacters(pieces, [...required].sort(byCodePoints));
  for (const [piece, score] of pieces) {
    if (piece === unknown[0] || chosen.has(piece)) continue;
    if (chosen.size >= size) break;
    chosen.set(piece, round(score));
  }
  return [...chosen].sort(([a, scoreA], [b, scoreB]) => scoreB - scoreA || byCodePoints(a, b));
}

/**
 * Scores of the characters that must be kept. Those that ended as no piece get the least score, each the next one 0.0001 more; these scores,
 * with those of characters that happen to have the same ones, are dealt out in order of code points.
 */
function scoreCharacters(pieces: readonly ScoredPiece[], characters: readonly string[]): Map<string, number> {
  const scores = new Map(pieces);
  const least = leastScore(pieces);
  const missing = characters.filter((char) => !scores.has(char));
  const lowScores = new Set(missing.map((_, index) => round(least + index * 0.0001)));
  for (const [index, char] of missing.entries()) scores.set(char, least + index * 0.0001);
  const chosen = new Map(characters.map((char) => [char, round(scores.get(char) ?? 0)]));
  const low = [...chosen].filter(([, score]) => lowScores.has(score));
  const dealt = low.map(([, score]) => score).sort((a, b) => a - b);
  for (const [index, [char]] of low.entries()) chosen.set(char, dealt[index] ?? least);
  return chosen;
}

function round(score: number): number {
  return Math.round(score * 1e6) / 1e6;
}

/** The derivative of log gamma. */
function digamma(x: number): number {
  let result = 0;
  for (; x < 7; x++) result -= 1 / x;
  x -= 0.5;
  const square = 1 / (x * x);
  return (
    result +
    Math.log(x) +
    square / 24 -
    (7 / 960) * square ** 2 +
    (31 / 8064) * square ** 3 -
    (127 / 30720) * square ** 4
  );
}
