import { Tokenizer } from '../tokenizer.ts';
import { byCodePoints } from './merge-trainer.ts';
import { addedTokensOf, configOf, type SpecialTokenRoles } from './special-tokens.ts';

/** How a character tokenizer is made. */
export interface TrainCharactersOptions extends SpecialTokenRoles {
  readonly modelMaxLength?: number;
}

/**
 * A tokenizer whose tokens are the characters (code points) of the texts, in order of code points from id 0; special tokens that are
 * named come after them. A character that the texts don't have is an error, or `unkToken` where one is named. As tokenizer.json it
 * is a WordLevel model behind a split at every character, which Python's AutoTokenizer opens with the same ids.
 *
 * @example
 * const tokenizer = trainCharacters('hello');
 * [...tokenizer.encodeIds('hole')]; // [1, 3, 2, 0]
 */
export function trainCharacters(texts: string | Iterable<string>, options: TrainCharactersOptions = {}): Tokenizer {
  const { modelMaxLength, ...roles } = options;
  const characters = new Set<string>();
  for (const text of typeof texts === 'string' ? [texts] : texts) {
    for (const char of text.toWellFormed()) characters.add(char);
  }
  const special = Object.values(roles).filter((token) => token !== undefined);
  const tokens = [...new Set([...[...characters].sort(byCodePoints), ...special])];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokensOf(special, (token) => ids.get(token) ?? 0),
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { String: '' }, behavior: 'Isolated', invert: false },
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: { type: 'WordLevel', vocab: Object.fromEntries(ids), unk_token: roles.unkToken ?? '<unk>' },
  };
  return Tokenizer.fromJson(json, configOf(roles, modelMaxLength));
}
