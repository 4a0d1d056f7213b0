import { concatEncodings, specialEncoding, type Encoding } from '../encoding.ts';
import type { Fields } from '../fields.ts';
import type { PostProcessor } from './post-processor.ts';
import { trimOffsets } from './trim-offsets.ts';

/** `[CLS] first [SEP]` and `[CLS] first [SEP] second [SEP]` with type 1 for the second text. */
export function bertProcessing(fields: Fields): PostProcessor {
  const [separator, separatorId] = fields.tokenAndId('sep');
  const [classifier, classifierId] = fields.tokenAndId('cls');
  return {
    addedTokens: (isPair) => (isPair ? 3 : 2),
    process(encodings, addSpecialTokens) {
      if (!addSpecialTokens) return [...encodings];
      return encodings.map((encoding, sequence) => {
        const end = specialEncoding([separatorId], { tokens: [separator], typeId: sequence === 0 ? 0 : 1 });
        if (sequence > 0) return surround([], encoding, { end: [end], sequence: 1 });
        return surround([specialEncoding([classifierId], { tokens: [classifier], typeId: 0 })], encoding, {
          end: [end],
          sequence: 0,
        });
      });
    },
  };
}

/** `<s> first </s>` and `<s> first </s></s> second </s>`; all of type 0. */
export function robertaProcessing(fields: Fields): PostProcessor {
  const [separator, separatorId] = fields.tokenAndId('sep');
  const [classifier, classifierId] = fields.tokenAndId('cls');
  const trims = fields.boolean('trim_offsets');
  const addPrefixSpace = fields.boolean('add_prefix_space');
  const special = (id: number, token: string): Encoding => specialEncoding([id], { tokens: [token], typeId: 0 });
  return {
    addedTokens: (isPair) => (isPair ? 4 : 2),
    process(encodings, addSpecialTokens) {
      const trimmed = encodings.map((encoding) =>
        withTypeId(trims ? trimOffsets(encoding, addPrefixSpace) : encoding, 0),
      );
      if (!addSpecialTokens) return trimmed;
      return trimmed.map((encoding, sequence) => {
        const begin = sequence === 0 ? special(classifierId, classifier) : special(separatorId, separator);
        const typed = encoding.with({ overflowing: encoding.overflowing.map((part) => withTypeId(part, 0)) });
        return surround([begin], typed, { end: [special(separatorId, separator)], sequence: sequence === 0 ? 0 : 1 });
      });
    },
  };
}

/** All tokens with one type; overflowing parts keep theirs. */
export function withTypeId(encoding: Encoding, typeId: number): Encoding {
  return encoding.with({ typeIds: new Int32Array(encoding.length).fill(typeId) });
}

function surround(
  begin: readonly Encoding[],
  encoding: Encoding,
  { end, sequence }: { end: readonly Encoding[]; sequence: number },
): Encoding {
  const numbered = encoding
    .asSequence(sequence)
    .with({ overflowing: encoding.overflowing.map((part) => part.asSequence(sequence)) });
  return concatEncodings([...begin, numbered, ...end]);
}
