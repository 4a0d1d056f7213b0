import { checkPairs } from './confusion-matrix.ts';

/** Fewest insertions, deletions and substitutions that make one sequence of another (Levenshtein 1966). */
export function editDistance<T>(a: readonly T[], b: readonly T[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, item] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries())
      next.push(
        Math.min((row[j] as number) + Number(item !== other), (row[j + 1] as number) + 1, (next[j] as number) + 1),
      );
    row = next;
  }
  return row[b.length] as number;
}

/** Edits per item of the references, over all pairs of sequences together: the error rate of phonemes, or whatever the items are. */
export function sequenceErrorRate<T>(predicted: readonly (readonly T[])[], actual: readonly (readonly T[])[]): number {
  checkPairs('sequenceErrorRate', predicted, actual);
  const edits = actual.reduce(
    (total, reference, i) => total + editDistance(predicted[i] as readonly T[], reference),
    0,
  );
  return edits / actual.reduce((total, { length }) => total + length, 0);
}

/** Edits per character (code point) of the references. */
export function characterErrorRate(predicted: readonly string[], actual: readonly string[]): number {
  return sequenceErrorRate(predicted.map((text) => [...text]), actual.map((text) => [...text])); // prettier-ignore
}

/** Edits per word of the references; words stand between white space. */
export function wordErrorRate(predicted: readonly string[], actual: readonly string[]): number {
  return sequenceErrorRate(predicted.map(wordsOf), actual.map(wordsOf));
}

/** What stands between white space. */
export function wordsOf(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== '');
}
