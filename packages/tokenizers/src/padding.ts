import type { Encoding } from './encoding.ts';
import type { Fields } from './fields.ts';
import type { Side } from './truncation.ts';

/** How encodings are made equally long. */
export interface PaddingSettings {
  /** A number of tokens, or the longest of the batch. */
  readonly length: number | 'longest';
  readonly side: Side;
  readonly padToMultipleOf?: number | undefined;
  readonly padId: number;
  readonly padTypeId: number;
  readonly padToken: string;
}

/** Reads the `padding` section. */
export function readPadding(fields: Fields): PaddingSettings {
  const strategy = fields.get('strategy');
  return {
    length: strategy === 'BatchLongest' ? 'longest' : fields.object('strategy').count('Fixed'),
    side: fields.oneOf('direction', ['Left', 'Right']) === 'Left' ? 'left' : 'right',
    padToMultipleOf: fields.has('pad_to_multiple_of') ? fields.count('pad_to_multiple_of') : undefined,
    padId: fields.count('pad_id'),
    padTypeId: fields.count('pad_type_id'),
    padToken: fields.string('pad_token'),
  };
}

/** Pads all to one length, their overflowing parts too. */
export function padEncodings(encodings: readonly Encoding[], settings: PaddingSettings): Encoding[] {
  let length =
    settings.length === 'longest'
      ? encodings.reduce((most, encoding) => Math.max(most, encoding.length), 0)
      : settings.length;
  const multiple = settings.padToMultipleOf ?? 0;
  if (multiple > 0) length = Math.ceil(length / multiple) * multiple;
  return encodings.map((encoding) => pad(encoding, length, settings));
}

function pad(encoding: Encoding, length: number, settings: PaddingSettings): Encoding {
  const overflowing = encoding.overflowing.map((part) => pad(part, length, settings));
  const missing = length - encoding.length;
  if (missing <= 0) return overflowing.length > 0 ? encoding.with({ overflowing }) : encoding;
  const before = settings.side === 'left' ? missing : 0;
  const fill = (values: Int32Array, filler: number, perToken = 1): Int32Array => {
    const padded = new Int32Array(length * perToken).fill(filler);
    padded.set(values, before * perToken);
    return padded;
  };
  const padTokens = new Array<string>(missing).fill(settings.padToken);
  return encoding.with({
    ids: fill(encoding.ids, settings.padId),
    typeIds: fill(encoding.typeIds, settings.padTypeId),
    tokens: before > 0 ? [...padTokens, ...encoding.tokens] : [...encoding.tokens, ...padTokens],
    bounds: fill(encoding.bounds, 0, 2),
    words: fill(encoding.words, -1),
    specialTokensMask: fill(encoding.specialTokensMask, 1),
    attentionMask: fill(encoding.attentionMask, 0),
    // without sequences all tokens belong to the one text, padding included: kept as the tokenizers library has it
    sequences: new Map(
      [...encoding.sequences].map(([sequence, [first, end]]) => [sequence, [first + before, end + before]]),
    ),
    overflowing,
  });
}
