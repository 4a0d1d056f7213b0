import { specialEncoding, type Encoding } from '../encoding.ts';
import { TokenizerError } from '../errors.ts';
import { type Fields, isCount } from '../fields.ts';
import type { PostProcessor } from './post-processor.ts';
import { withTypeId } from './surround.ts';

type TemplatePiece =
  | { readonly kind: 'text'; readonly sequence: number; readonly typeId: number }
  | {
      readonly kind: 'special';
      readonly ids: readonly number[];
      readonly tokens: readonly string[];
      readonly typeId: number;
    };

/** Special tokens and texts in the order of a template: one template for single texts, one for pairs. */
export function templateProcessing(fields: Fields): PostProcessor {
  const specials = readSpecialTokens(fields.object('special_tokens'));
  const single = readTemplate(fields, 'single', specials);
  const pair = readTemplate(fields, 'pair', specials);
  if (single.some((piece) => piece.kind === 'text' && piece.sequence > 0)) {
    throw new TokenizerError('format', `${fields.place}.single: must not use sequence B`);
  }
  return {
    addedTokens: (isPair) =>
      (isPair ? pair : single).reduce((sum, piece) => sum + (piece.kind === 'special' ? piece.ids.length : 0), 0),
    process: (encodings, addSpecialTokens) =>
      (encodings.length > 1 ? pair : single).flatMap((piece) => {
        if (piece.kind === 'special') return addSpecialTokens ? [specialEncoding(piece.ids, piece)] : [];
        const encoding = encodings[piece.sequence];
        return encoding ? [numbered(encoding, piece)] : [];
      }),
  };
}

function numbered(encoding: Encoding, { sequence, typeId }: { sequence: number; typeId: number }): Encoding {
  return withTypeId(encoding.asSequence(sequence), typeId);
}

function readTemplate(
  fields: Fields,
  name: string,
  specials: ReadonlyMap<string, { ids: readonly number[]; tokens: readonly string[] }>,
): TemplatePiece[] {
  return fields.objects(name).map((piece): TemplatePiece => {
    if (piece.has('Sequence')) {
      const sequence = piece.object('Sequence');
      return {
        kind: 'text',
        sequence: sequence.oneOf('id', ['A', 'B']) === 'A' ? 0 : 1,
        typeId: sequence.count('type_id'),
      };
    }
    const token = piece.object('SpecialToken');
    const id = token.string('id');
    const special = specials.get(id);
    if (!special) throw new TokenizerError('format', `${piece.place}: special_tokens has no ${JSON.stringify(id)}`);
    return { kind: 'special', ...special, typeId: token.count('type_id') };
  });
}

function readSpecialTokens(fields: Fields): Map<string, { ids: readonly number[]; tokens: readonly string[] }> {
  const specials = new Map<string, { ids: readonly number[]; tokens: readonly string[] }>();
  for (const name of fields.names()) {
    const special = fields.object(name);
    const ids = special.array('ids');
    const tokens = special.array('tokens');
    if (!ids.every(isCount) || !tokens.every((token) => typeof token === 'string') || ids.length !== tokens.length) {
      throw new TokenizerError(
        'format',
        `${special.place}: ids and tokens must be equally long lists of numbers and strings`,
      );
    }
    specials.set(name, { ids, tokens });
  }
  return specials;
}
