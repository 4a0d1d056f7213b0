import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import type { Normalizer } from './normalizer.ts';

/** Makes the normalizer that `fields` describes. */
export function readNormalizer(fields: Fields): Normalizer {
  const type = fields.string('type');
  switch (type) {
    default:
      throw new TokenizerError('unsupported', `${fields.place}: no normalizer of type ${JSON.stringify(type)}`);
  }
}
