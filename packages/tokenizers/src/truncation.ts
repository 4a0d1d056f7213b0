import type { Encoding } from './encoding.ts';
import { TokenizerError } from './errors.ts';
import type { Fields } from './fields.ts';

/** A side of a text. */
export type Side = 'left' | 'right';

/** How a text or a pair is shortened. */
export interface TruncationSettings {
  /** The most tokens, special tokens included. */
  readonly maxLength: number;
  /** How many tokens neighbouring parts share. */
  readonly stride: number;
  /** Which of the two texts is shortened. */
  readonly strategy: TruncationStrategy;
  /** The side where tokens are cut off. */
  readonly side: Side;
}

/** Which text of a pair is shortened. */
export type TruncationStrategy = 'longest_first' | 'only_first' | 'only_second';

/** Reads the `truncation` section. */
export function readTruncation(fields: Fields): TruncationSettings {
  const strategies = { LongestFirst: 'longest_first', OnlyFirst: 'only_first', OnlySecond: 'only_second' } as const;
  return {
    maxLength: fields.count('max_length'),
    stride: fields.count('stride'),
    strategy: strategies[fields.oneOf('strategy', ['LongestFirst', 'OnlyFirst', 'OnlySecond'])],
    side: fields.oneOf('direction', ['Left', 'Right'], 'Right') === 'Left' ? 'left' : 'right',
  };
}

/** Shortens a text, or the two texts of a pair together, to `maxLength` tokens; what is cut off becomes overflowing parts. */
export function truncateEncodings(encodings: readonly Encoding[], settings: TruncationSettings): Encoding[] {
  const { maxLength, strategy } = settings;
  const [first, second] = encodings;
  if (!first) return [];
  const total = encodings.reduce((sum, encoding) => sum + encoding.length, 0);
  if (maxLength > 0 && total <= maxLength) return [...encodings];
  if (maxLength === 0) return encodings.map((encoding) => truncate(encoding, 0, settings));

  if (strategy === 'longest_first') {
    if (!second) return [truncate(first, maxLength, settings)];
    const [firstLength, secondLength] = shareLength(first.length, second.length, maxLength);
    return [truncate(first, firstLength, settings), truncate(second, secondLength, settings)];
  }
  const target = strategy === 'only_first' ? first : second;
  if (!target)
    throw new TokenizerError('truncation', 'Tokenizer: truncation is only_second, but there is no second text');
  const kept = target.length - (total - maxLength);
  if (kept <= 0)
    throw new TokenizerError(
      'truncation',
      `Tokenizer: the text is too short to be truncated so that all fits ${maxLength} tokens`,
    );
  return encodings.map((encoding) => (encoding === target ? truncate(encoding, kept, settings) : encoding));
}

/** The shorter text stays whole if it leaves the other one at least as much; else both get half. */
function shareLength(first: number, second: number, maxLength: number): [first: number, second: number] {
  const shorter = Math.min(first, second);
  const longer = shorter > maxLength ? shorter : Math.max(shorter, maxLength - shorter);
  const half = Math.floor(maxLength / 2);
  const [small, large] = shorter + longer > maxLength ? [half, half + (maxLength % 2)] : [shorter, longer];
  return first > second ? [large, small] : [small, large];
}

function truncate(encoding: Encoding, maxLength: number, { stride, side }: TruncationSettings): Encoding {
  const length = encoding.length;
  if (maxLength >= length) return encoding;
  if (maxLength === 0) return encoding.slice(0, 0).with({ overflowing: [encoding] });
  if (stride >= maxLength) {
    throw new TokenizerError(
      'argument',
      `Tokenizer: stride must be less than the ${maxLength} tokens left for the text, got ${stride}`,
    );
  }
  const step = maxLength - stride;
  const parts: Encoding[] = [];
  if (side === 'right') {
    for (let start = 0, end = 0; end < length; start += step) {
      end = Math.min(start + maxLength, length);
      parts.push(encoding.slice(start, end));
    }
  } else {
    for (let end = length, start = length; start > 0; end -= step) {
      start = Math.max(end - maxLength, 0);
      parts.push(encoding.slice(start, end));
    }
  }
  const [kept = encoding, ...overflowing] = parts;
  return kept.with({ overflowing });
}
