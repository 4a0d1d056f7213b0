import type { Tokenizer } from '@formers/tokenizers';

import { DataError } from '../errors.ts';

/**
 * The id of a special token that an objective needs.
 *
 * @throws {@link DataError} `special-token` when the tokenizer names none.
 */
export function specialId(
  tokenizer: Tokenizer,
  { role, where }: { role: 'bos' | 'eos' | 'pad' | 'cls' | 'sep' | 'mask'; where: string },
): number {
  const id = tokenizer[`${role}TokenId`];
  if (id !== undefined) return id;
  throw new DataError('special-token', `${where}: the tokenizer names no ${role}_token in tokenizer_config.json`);
}

/** All ids that are no special tokens, in order. */
export function ordinaryIds(tokenizer: Tokenizer): Int32Array {
  const special = new Set(tokenizer.specialTokenIds);
  const ids = Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
  return Int32Array.from(ids.filter((id) => !special.has(id) && tokenizer.idToToken(id) !== undefined));
}
