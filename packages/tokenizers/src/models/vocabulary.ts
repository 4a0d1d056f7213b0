import { TokenizerError } from '../errors.ts';
import { isCount } from '../fields.ts';

/** The most tokens that a vocabulary may have. */
export const maxVocabSize = 1_000_000;

/** Tokens by id and ids by token. */
export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  readonly tokens: readonly (string | undefined)[];
}

/** Reads `{ token: id }`; refuses ids that are not whole, not unique or too many. Gaps are left for added tokens to fill. */
export function readVocabulary(value: unknown, place: string): Vocabulary {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TokenizerError('format', `${place}: expected an object of token: id`);
  }
  const entries = Object.entries(value);
  if (entries.length > maxVocabSize)
    throw new TokenizerError('limit', `${place}: at most ${maxVocabSize} tokens, got ${entries.length}`);
  const ids = new Map<string, number>();
  const tokens = new Array<string | undefined>(entries.length).fill(undefined);
  for (const [token, id] of entries) {
    if (!isCount(id))
      throw new TokenizerError(
        'ids',
        `${place}: the id of ${JSON.stringify(token)} must be a whole number, got ${JSON.stringify(id)}`,
      );
    if (id > 2 * maxVocabSize)
      throw new TokenizerError(
        'ids',
        `${place}: the id of ${JSON.stringify(token)} is ${id}, far beyond the vocabulary`,
      );
    if (tokens[id] !== undefined) {
      throw new TokenizerError(
        'ids',
        `${place}: ${JSON.stringify(tokens[id])} and ${JSON.stringify(token)} share the id ${id}`,
      );
    }
    ids.set(token, id);
    tokens[id] = token;
  }
  return { ids, tokens };
}
