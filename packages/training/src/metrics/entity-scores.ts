import { ValueError } from '@formers/backend';

import { checkPairs, type Scores, scoresOf } from './confusion-matrix.ts';

/** A named thing in a text: its kind, first word, and the word after the last. */
export interface Entity {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
}

/** The entities in tags such as `B-PER`, `I-PER` and `O`; a kind that begins with `I-` counts as begun, as conlleval and seqeval have it. */
export function entitiesOf(tags: readonly string[]): Entity[] {
  const entities: { kind: string; start: number; end: number }[] = [];
  let open: { kind: string; start: number; end: number } | undefined;
  tags.forEach((tag, i) => {
    const [, prefix, kind = '_'] = /^(?:O|([BI])(?:-(.+))?)$/.exec(tag) ?? ['', ...malformed(tag)];
    if (prefix === undefined) open = undefined;
    else if (prefix === 'I' && open?.kind === kind) open.end = i + 1;
    else entities.push((open = { kind, start: i, end: i + 1 }));
  });
  return entities;
}

/** Scores of all entities, and of each kind. */
export interface EntityScores extends Scores {
  readonly kinds: ReadonlyMap<string, Scores>;
}

/**
 * Precision, recall and F1 of whole entities, right when kind and both ends are, micro-averaged (CoNLL 2003; seqeval's default).
 *
 * @param predicted Tags of each sentence.
 */
export function entityScores(
  predicted: readonly (readonly string[])[],
  actual: readonly (readonly string[])[],
): EntityScores {
  checkPairs('entityScores', predicted, actual);
  const counts = new Map<string, { hits: number; predicted: number; actual: number }>();
  const count = (kind: string): { hits: number; predicted: number; actual: number } => {
    const found = counts.get(kind) ?? { hits: 0, predicted: 0, actual: 0 };
    counts.set(kind, found);
    return found;
  };
  actual.forEach((tags, i) => {
    const guess = predicted[i] as readonly string[];
    if (guess.length !== tags.length)
      throw new ValueError(`entityScores: sentence ${i} has ${tags.length} words and ${guess.length} predicted tags`);
    const wanted = entitiesOf(tags);
    const keys = new Set(wanted.map(keyOf));
    for (const { kind } of wanted) count(kind).actual++;
    for (const entity of entitiesOf(guess)) {
      count(entity.kind).predicted++;
      if (keys.has(keyOf(entity))) count(entity.kind).hits++;
    }
  });
  const total = { hits: 0, predicted: 0, actual: 0 };
  for (const one of counts.values()) for (const key of ['hits', 'predicted', 'actual'] as const) total[key] += one[key];
  return {
    ...scoresOf(total),
    kinds: new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, one]) => [kind, scoresOf(one)])),
  };
}

function keyOf({ kind, start, end }: Entity): string {
  return `${start} ${end} ${kind}`;
}

function malformed(tag: string): never {
  throw new ValueError(`entitiesOf: tags must be O, B-<kind> or I-<kind>, got "${tag}"`);
}
