import { TokenizerError } from '../errors.ts';
import type { Fields } from '../fields.ts';
import { BpeModel } from './bpe.ts';
import type { Model } from './model.ts';
import { UnigramModel } from './unigram.ts';
import { WordLevelModel } from './word-level.ts';
import { WordPieceModel } from './word-piece.ts';

/** Makes the model that `fields` describes; files without `type` are told apart by what they hold. */
export function readModel(fields: Fields): Model {
  const type = fields.string('type', guessType(fields));
  switch (type) {
    case 'BPE':
      return BpeModel.read(fields);
    case 'WordPiece':
      return WordPieceModel.read(fields);
    case 'Unigram':
      return UnigramModel.read(fields);
    case 'WordLevel':
      return WordLevelModel.read(fields);
    default:
      throw new TokenizerError('unsupported', `${fields.place}: no model of type ${JSON.stringify(type)}`);
  }
}

function guessType(fields: Fields): string {
  if (fields.has('merges')) return 'BPE';
  if (fields.has('max_input_chars_per_word')) return 'WordPiece';
  return Array.isArray(fields.get('vocab')) ? 'Unigram' : 'WordLevel';
}
