import { demand } from '../errors.ts';
import { asList, type LogitsProcessor, type TokenIds } from './logits-processor.ts';

/** Token sequences and what is added to the logit of the last token of each where the others stand before it. */
export type SequenceBias = readonly (readonly [tokens: readonly number[], bias: number])[];

/** Makes sequences of tokens more likely (above 0) or less likely (below 0). The later of two equal sequences counts. */
export function sequenceBiasLogitsProcessor({ sequenceBias }: { sequenceBias: SequenceBias }): LogitsProcessor {
  const where = 'sequenceBiasLogitsProcessor';
  const valid =
    sequenceBias.length > 0 && sequenceBias.every(([tokens, bias]) => areTokens(tokens) && !Number.isNaN(bias));
  demand(valid, {
    where,
    name: 'sequenceBias',
    wanted: 'a list of [tokens, bias], each with tokens',
    got: sequenceBias,
  });
  const biases = new Map(sequenceBias.map(([tokens, bias]) => [tokens.join(), { tokens, bias }]));
  return (ids, logits) => {
    for (const { tokens, bias } of biases.values()) {
      const last = tokens.at(-1) as number;
      demand(last < logits.length, {
        where,
        name: 'token',
        wanted: `below the vocabulary size ${logits.length}`,
        got: last,
      });
      if (endsWith(ids, tokens.slice(0, -1))) logits[last] = (logits[last] as number) + bias;
    }
  };
}

/** Rules out sequences of tokens. A lone end token in the list doesn't count. */
export function noBadWordsLogitsProcessor({
  badWordsIds,
  eosTokenId,
}: {
  badWordsIds: readonly (readonly number[])[];
  eosTokenId?: number | TokenIds | null | undefined;
}): LogitsProcessor {
  const where = 'noBadWordsLogitsProcessor';
  const valid = badWordsIds.length > 0 && badWordsIds.every(areTokens);
  demand(valid, { where, name: 'badWordsIds', wanted: 'a list of lists of tokens, none empty', got: badWordsIds });
  const ends = asList(eosTokenId ?? []);
  const words = badWordsIds.filter((tokens) => !(tokens.length === 1 && ends.includes(tokens[0] as number)));
  if (words.length === 0) return () => {};
  return sequenceBiasLogitsProcessor({ sequenceBias: words.map((tokens) => [tokens, -Infinity] as const) });
}

function areTokens(tokens: readonly number[]): boolean {
  return tokens.length > 0 && tokens.every((id) => Number.isInteger(id) && id >= 0);
}

function endsWith(ids: readonly number[], end: readonly number[]): boolean {
  const start = ids.length - end.length;
  return start >= 0 && end.every((id, i) => id === ids[start + i]);
}
