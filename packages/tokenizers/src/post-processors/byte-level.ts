import type { Fields } from '../fields.ts';
import type { PostProcessor } from './post-processor.ts';
import { trimOffsets } from './trim-offsets.ts';

/** Adds nothing; may trim offsets. */
export function byteLevelProcessing(fields: Fields): PostProcessor {
  const addPrefixSpace = fields.boolean('add_prefix_space');
  const trims = fields.boolean('trim_offsets');
  return {
    addedTokens: () => 0,
    process: (encodings) =>
      encodings.map((encoding, sequence) =>
        (trims ? trimOffsets(encoding, addPrefixSpace) : encoding).asSequence(sequence),
      ),
  };
}
