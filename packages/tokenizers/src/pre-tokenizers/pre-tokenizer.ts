import type { AlignedText } from '../text/aligned-text.ts';
import type { ModelTokens } from '../models/model.ts';

/** A part of the text on its way to the model; an added token was found already and is not split any more. */
export interface Piece {
  readonly text: AlignedText;
  readonly found?: ModelTokens;
}

/** Cuts a piece of text into smaller ones. */
export type PreTokenizer = (text: AlignedText) => AlignedText[];

/** Cuts all pieces that are not added tokens; empty parts vanish. */
export function splitPieces(pieces: readonly Piece[], split: PreTokenizer): Piece[] {
  const result: Piece[] = [];
  for (const piece of pieces) {
    if (piece.found) {
      result.push(piece);
      continue;
    }
    for (const text of split(piece.text)) {
      if (text.text.length > 0) result.push({ text });
    }
  }
  return result;
}
