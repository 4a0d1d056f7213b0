import { ConfigError } from '@formers/backend';

import { DataError } from '../errors.ts';
import { type Pack, packExamples } from './pack.ts';

/** Makes rows of one length of texts of different lengths. */
export interface Packer<Example, Item> {
  /** Name and settings; a resumed run must have the same. */
  readonly identity: string;
  /** @returns One item at least. */
  pack(examples: readonly Example[]): readonly Item[];
}

/** A text as tokens. */
interface Tokens {
  readonly ids: Int32Array;
}

/**
 * Lays texts end to end and cuts them into windows of `seqLen` inputs, each with what follows its last token; for `causalLanguageModel`. What is left at the end, fewer
 * than `seqLen` tokens, is not used. A window may begin in the middle of a text, and its tokens see the texts before it.
 *
 * @param options.separatorId Stands after each text; default nothing.
 * @throws {@link DataError} `too-short` when all texts together don't fill a window.
 */
export function windowPacker({
  seqLen,
  separatorId,
}: {
  seqLen: number;
  separatorId?: number;
}): Packer<Tokens, Tokens> {
  checkSeqLen('windowPacker', seqLen);
  return {
    identity: `windowPacker ${JSON.stringify({ seqLen, separatorId })}`,
    pack(examples) {
      const separator = separatorId === undefined ? [] : [separatorId];
      const all = new Int32Array(examples.reduce((sum, { ids }) => sum + ids.length + separator.length, 0));
      let length = 0;
      for (const { ids } of examples) {
        all.set(ids, length);
        all.set(separator, length + ids.length);
        length += ids.length + separator.length;
      }
      const count = Math.floor((length - 1) / seqLen);
      if (count < 1)
        throw new DataError(
          'too-short',
          `windowPacker: a window needs ${seqLen + 1} tokens, ${examples.length} texts together have ${length}`,
        );
      return Array.from({ length: count }, (_, i) => ({ ids: all.slice(i * seqLen, (i + 1) * seqLen + 1) }));
    },
  };
}

/** Lays whole texts into rows of at most `seqLen` tokens, as {@link packExamples} does; for `packedLanguageModel`, where no text sees another. */
export function textPacker<Example extends Tokens>({ seqLen }: { seqLen: number }): Packer<Example, Pack<Example>> {
  checkSeqLen('textPacker', seqLen);
  return {
    identity: `textPacker ${JSON.stringify({ seqLen })}`,
    pack: (examples) => packExamples(examples, { seqLen }),
  };
}

function checkSeqLen(name: string, seqLen: number): void {
  if (Number.isSafeInteger(seqLen) && seqLen > 0) return;
  throw new ConfigError(`${name}: seqLen must be a whole number from 1, got ${seqLen}`);
}
