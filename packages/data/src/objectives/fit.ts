import { ConfigError } from '@formers/backend';
import type { Encoding, Tokenizer } from '@formers/tokenizers';

import { DataError } from '../errors.ts';

/** What happens to texts that are too long. */
export interface LengthOptions {
  /** The most tokens, special tokens included; default what tokenizer_config.json says, or no limit. */
  maxLength?: number;
  /** Cut texts that are longer, or refuse them (default), so that nothing is lost unnoticed. */
  tooLong?: 'cut' | 'refuse';
}

/**
 * A text or a pair as tokens, at most `maxLength`.
 *
 * @throws {@link DataError} `too-long` for more tokens, unless they may be cut.
 */
export function fitTokens(
  tokenizer: Tokenizer,
  {
    text,
    pair,
    where,
    maxLength = tokenizer.config.modelMaxLength,
    tooLong = 'refuse',
  }: LengthOptions & { text: string; pair?: string | undefined; where: string },
): Encoding {
  if (maxLength !== undefined && !(Number.isSafeInteger(maxLength) && maxLength > 0))
    throw new ConfigError(`maxLength must be a whole number from 1, got ${maxLength}`);
  if (tooLong === 'cut' && maxLength !== undefined)
    return tokenizer.encode(text, { pair, truncation: true, maxLength, padding: false });
  const encoding = tokenizer.encode(text, { pair, truncation: false, padding: false });
  if (encoding.length <= (maxLength ?? Infinity)) return encoding;
  throw new DataError(
    'too-long',
    `${where}: ${encoding.length} tokens, at most ${maxLength} fit; tooLong: 'cut' drops the rest`,
  );
}
