import { TokenizerError } from './errors.ts';
import { isCount } from './fields.ts';
import type { EncodeOptions } from './options.ts';
import type { PaddingSettings } from './padding.ts';
import type { Tokenizer } from './tokenizer.ts';
import type { TokenizerConfig } from './tokenizer-config.ts';
import type { TruncationSettings } from './truncation.ts';

/** What the options and the file make of truncation; undefined for none. */
export function resolveTruncation(
  options: EncodeOptions,
  { file, config }: { file: TruncationSettings | undefined; config: TokenizerConfig },
): TruncationSettings | undefined {
  const { truncation, stride, truncationSide, maxLength } = options;
  if (truncation === false || (truncation === undefined && maxLength === undefined && !file)) return undefined;
  const length = maxLength ?? file?.maxLength ?? config.modelMaxLength;
  if (length === undefined)
    throw new TokenizerError('argument', 'Tokenizer: truncation needs maxLength, as the files name none');
  const settings = {
    maxLength: wholeNumber('maxLength', length),
    stride: wholeNumber('stride', stride ?? file?.stride ?? 0),
    strategy: typeof truncation === 'string' ? truncation : (file?.strategy ?? 'longest_first'),
    side: truncationSide ?? file?.side ?? 'right',
  };
  if (!['longest_first', 'only_first', 'only_second'].includes(settings.strategy)) {
    throw new TokenizerError(
      'argument',
      `Tokenizer: truncation must be longest_first, only_first or only_second, got ${JSON.stringify(truncation)}`,
    );
  }
  return settings;
}

/** What the options and the file make of padding; undefined for none. */
export function resolvePadding(
  options: EncodeOptions,
  { file, tokenizer }: { file: PaddingSettings | undefined; tokenizer: Tokenizer },
): PaddingSettings | undefined {
  const { padding, paddingSide, padToMultipleOf, maxLength } = options;
  if (padding === false || (padding === undefined && !file)) return undefined;
  const padToken = file?.padToken ?? tokenizer.config.padToken;
  const padId = file?.padId ?? tokenizer.padTokenId;
  if (padToken === undefined || padId === undefined)
    throw new TokenizerError('argument', 'Tokenizer: padding needs a pad token, and the files name none');
  let length: number | 'longest' = file?.length ?? 'longest';
  if (padding === true || padding === 'longest') length = 'longest';
  else if (padding === 'max_length') length = wholeNumber('maxLength', maxLength ?? tokenizer.config.modelMaxLength);
  else if (padding !== undefined) length = wholeNumber('padding', padding);
  return {
    length,
    side: paddingSide ?? file?.side ?? 'right',
    padToMultipleOf: padToMultipleOf ?? file?.padToMultipleOf,
    padId,
    padTypeId: file?.padTypeId ?? 0,
    padToken,
  };
}

function wholeNumber(name: string, value: unknown): number {
  if (!isCount(value))
    throw new TokenizerError('argument', `Tokenizer: ${name} must be a whole number, got ${JSON.stringify(value)}`);
  return value;
}
