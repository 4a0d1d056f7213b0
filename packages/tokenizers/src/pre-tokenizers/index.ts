import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { readPattern } from '../regex/pattern.ts';
import { byteLevelSplit, mapToByteLevel } from './byte-level.ts';
import type { PreTokenizer } from './pre-tokenizer.ts';
import { splitAt, splitBehaviors } from './split.ts';

/** The steps before the model; where the last one maps to bytes, the mapping itself is left to the model. */
export interface PreTokenization {
  readonly steps: readonly PreTokenizer[];
  readonly mapsToBytes: boolean;
}

/** Reads a pre-tokenizer as a list of steps. */
export function readPreTokenization(fields: Fields): PreTokenization {
  const parts = flatten(fields);
  const last = parts.at(-1);
  const mapsToBytes = last?.string('type') === 'ByteLevel';
  const steps = parts.map((part) => (mapsToBytes && part === last ? byteLevelSplit(part) : readStep(part)));
  return { steps, mapsToBytes };
}

function flatten(fields: Fields): Fields[] {
  return fields.string('type') === 'Sequence' ? fields.objects('pretokenizers').flatMap(flatten) : [fields];
}

function readStep(fields: Fields): PreTokenizer {
  const type = fields.string('type');
  switch (type) {
    case 'ByteLevel': {
      const split = byteLevelSplit(fields);
      return (text) => split(text).map(mapToByteLevel);
    }
    case 'Split': {
      const find = readPattern(fields);
      const behavior = fields.oneOf('behavior', splitBehaviors);
      const invert = fields.boolean('invert');
      return (text) => splitAt(text, find(text.text), { behavior, invert });
    }
    default:
      throw new TokenizerError('unsupported', `${fields.place}: no pre-tokenizer of type ${JSON.stringify(type)}`);
  }
}
