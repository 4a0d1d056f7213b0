import { checkPairs } from './confusion-matrix.ts';
import { wordsOf } from './error-rates.ts';

/** Scores of answers to questions, 0 to 1. */
export interface AnswerScores {
  /** Share of the answers that are one of the right ones. */
  readonly exactMatch: number;
  /** Mean F1 of the words, with the right answer that fits best. */
  readonly f1: number;
}

/**
 * How SQuAD scores answers (Rajpurkar et al. 2016): without case, punctuation and articles. No right answers, or an empty one, means that there is none to be found (SQuAD 2).
 *
 * @param actual Right answers of each question.
 */
export function answerScores(predicted: readonly string[], actual: readonly (readonly string[])[]): AnswerScores {
  checkPairs('answerScores', predicted, actual);
  const mean = (score: (a: readonly string[], b: readonly string[]) => number): number =>
    actual.reduce((total, answers, i) => {
      const words = answerWords(predicted[i] as string);
      const scores = (answers.length > 0 ? answers : ['']).map((answer) => score(words, answerWords(answer)));
      return total + Math.max(...scores);
    }, 0) / actual.length;
  return { exactMatch: mean((a, b) => Number(a.join(' ') === b.join(' '))), f1: mean(wordF1) };
}

function answerWords(text: string): string[] {
  const plain = text.toLowerCase().replaceAll(/[!-/:-@[-`{-~]/g, '');
  return wordsOf(plain.replaceAll(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, ' '));
}

function wordF1(predicted: readonly string[], actual: readonly string[]): number {
  if (predicted.length === 0 || actual.length === 0) return Number(predicted.length === actual.length);
  const left = new Map<string, number>();
  for (const word of actual) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of predicted) {
    const count = left.get(word) ?? 0;
    if (count > 0) shared++;
    left.set(word, count - 1);
  }
  return (2 * shared) / (predicted.length + actual.length);
}
