import { AlignedText } from '../text/aligned-text.ts';
import { Fields } from '../fields.ts';
import { readNormalizer } from '../normalizers/index.ts';
import { readPreTokenization } from '../pre-tokenizers/index.ts';
import { splitPieces, type Piece } from '../pre-tokenizers/pre-tokenizer.ts';
import { toByteLevel } from '../text/byte-level.ts';

/** The sections of tokenizer.json around the model. */
export interface Pipeline {
  readonly normalizer?: object | null;
  readonly pre_tokenizer?: object | null;
  readonly post_processor?: object | null;
  readonly decoder?: object | null;
}

/** Normalizes and splits texts, and counts how often each word comes; words of a byte-level pipeline are in stand-ins of bytes. */
export function countWords(texts: Iterable<string>, pipeline: Pipeline): Map<string, number> {
  const normalizer = pipeline.normalizer ? readNormalizer(new Fields(pipeline.normalizer, 'normalizer')) : undefined;
  const { steps, mapsToBytes } = pipeline.pre_tokenizer
    ? readPreTokenization(new Fields(pipeline.pre_tokenizer, 'pre_tokenizer'))
    : { steps: [], mapsToBytes: false };
  const counts = new Map<string, number>();
  for (const text of texts) {
    const original = AlignedText.original(text.toWellFormed());
    const normalized: Piece = { text: normalizer ? normalizer(original) : original };
    for (const piece of steps.reduce<Piece[]>(
      (done, step) => splitPieces(done, step),
      splitPieces([normalized], (whole) => [whole]),
    )) {
      const word = piece.text.text;
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return mapsToBytes ? new Map([...counts].map(([word, count]) => [toByteLevel(word), count])) : counts;
}
