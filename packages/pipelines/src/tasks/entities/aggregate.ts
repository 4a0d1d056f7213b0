import type { Tokenizer } from '@formers/tokenizers';

import { largest } from '../../scores.ts';
import type { EntityGroup, TokenEntity } from './entity.ts';
import type { ScoredToken } from './scored-tokens.ts';

/** How tokens become entities, in Hugging Face's words. */
export type AggregationStrategy = (typeof STRATEGIES)[number];

/** Every {@link AggregationStrategy}. */
export const STRATEGIES = ['none', 'simple', 'first', 'average', 'max'] as const;

/** A token or a word with its class. */
interface Tagged {
  readonly tag: string;
  readonly score: number;
  readonly tokens: readonly ScoredToken[];
}

/** Tokens with their classes (`none`), or as entities. */
export function aggregate(
  tokens: readonly ScoredToken[],
  { strategy, labels, tokenizer }: { strategy: AggregationStrategy; labels: readonly string[]; tokenizer: Tokenizer },
): TokenEntity[] | EntityGroup[] {
  if (strategy === 'none') {
    return tokens.map((token) => {
      const { tag, score } = taggedBy(token.scores, { labels, tokens: [token] });
      const { index, word, start, end } = token;
      return { entity: tag, score, index, word, start, end };
    });
  }
  const units =
    strategy === 'simple'
      ? tokens.map((token) => taggedBy(token.scores, { labels, tokens: [token] }))
      : wordsOf(tokens).map((word) => taggedBy(wordScores(word, strategy), { labels, tokens: word }));
  return groups(units).map((group) => joined(group, tokenizer));
}

/** Of entities that overlap, as those of two parts of a text do, the longest; of equally long ones the surest. */
export function longestOfOverlapping(entities: readonly EntityGroup[]): EntityGroup[] {
  const kept: EntityGroup[] = [];
  for (const entity of entities.toSorted((a, b) => a.start - b.start)) {
    const last = kept.at(-1);
    if (!last || entity.start < last.start || entity.start >= last.end) kept.push(entity);
    else if (isBetter(entity, last)) kept[kept.length - 1] = entity;
  }
  return kept;
}

function isBetter(entity: EntityGroup, other: EntityGroup): boolean {
  const difference = entity.end - entity.start - (other.end - other.start);
  return difference > 0 || (difference === 0 && entity.score > other.score);
}

function taggedBy(
  scores: readonly number[],
  { labels, tokens }: { labels: readonly string[]; tokens: readonly ScoredToken[] },
): Tagged {
  const [best = 0] = largest(scores, 1);
  return { tag: labels[best] as string, score: scores[best] as number, tokens };
}

/** Tokens by words. */
function wordsOf(tokens: readonly ScoredToken[]): ScoredToken[][] {
  const words: ScoredToken[][] = [];
  for (const token of tokens) {
    const last = words.at(-1);
    if (last && token.isSubword) last.push(token);
    else words.push([token]);
  }
  return words;
}

function wordScores(word: readonly ScoredToken[], strategy: 'average' | 'first' | 'max'): readonly number[] {
  const [first] = word;
  switch (strategy) {
    case 'first':
      return first?.scores ?? [];
    case 'max':
      return (
        word[
          largest(
            word.map(({ scores }) => Math.max(...scores)),
            1,
          )[0] ?? 0
        ]?.scores ?? []
      );
    case 'average':
      return (first?.scores ?? []).map((_, label) => mean(word.map(({ scores }) => scores[label] as number)));
  }
}

/** Neighbours of one class; a `B-` begins a new group. */
function groups(units: readonly Tagged[]): Tagged[][] {
  const found: Tagged[][] = [];
  for (const unit of units) {
    const last = found.at(-1);
    const isSame = last !== undefined && kindOf(unit.tag) === kindOf(last.at(-1)?.tag ?? '');
    if (isSame && !unit.tag.startsWith('B-')) last.push(unit);
    else found.push([unit]);
  }
  return found;
}

function kindOf(tag: string): string {
  return /^[BI]-/.test(tag) ? tag.slice(2) : tag;
}

function joined(group: readonly Tagged[], tokenizer: Tokenizer): EntityGroup {
  const tokens = group.flatMap(({ tokens }) => tokens);
  const { tag = '' } = group[0] ?? {};
  return {
    entity_group: tag.includes('-') ? tag.slice(tag.indexOf('-') + 1) : tag,
    score: mean(group.map(({ score }) => score)),
    word: textOf(tokens, tokenizer),
    start: tokens[0]?.start ?? 0,
    end: tokens.at(-1)?.end ?? 0,
  };
}

/** Tokens as text, with what the text has in place of unknown ones. */
function textOf(tokens: readonly ScoredToken[], tokenizer: Tokenizer): string {
  const text = tokenizer.decode(
    tokens.map(({ id }) => id),
    { cleanUpTokenizationSpaces: false },
  );
  const unknown = tokens.filter(({ isUnknown }) => isUnknown);
  const [first] = unknown;
  if (!first) return text;
  return text.replaceAll(tokenizer.idToToken(first.id) ?? '', (token) => unknown.shift()?.word ?? token);
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
