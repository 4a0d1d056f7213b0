import { TokenizerError } from '../errors.ts';
import { isCount, type Fields } from '../fields.ts';
import { byteToken } from './bpe.ts';
import type { Model, ModelTokens } from './model.ts';
import { PieceTrie } from './piece-trie.ts';
import { maxVocabSize } from './vocabulary.ts';
import { WordCache } from './word-cache.ts';

/** A piece and the logarithm of its probability. */
export type ScoredPiece = readonly [piece: string, score: number];

/** What a Unigram model is made of. */
export interface UnigramOptions {
  readonly pieces: readonly ScoredPiece[];
  readonly unknownId: number | undefined;
  readonly byteFallback?: boolean;
}

/** How much worse an unknown character is than the worst piece. */
export const unknownPenalty = 10;

/**
 * The unigram language model: the split of a word whose pieces have the highest product of probabilities (Viterbi).
 * Kudo, "Subword Regularization" (2018), section 3.2. Runs of unknown characters become one unknown token.
 */
export class UnigramModel implements Model {
  readonly #options: UnigramOptions;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #trie: PieceTrie;
  readonly #unknownScore: number;
  readonly #cache = new WordCache();

  constructor(options: UnigramOptions) {
    this.#options = options;
    this.#ids = new Map(options.pieces.map(([piece], id) => [piece, id]));
    this.#trie = new PieceTrie(options.pieces.map(([piece]) => piece));
    this.#unknownScore =
      options.pieces.reduce((least, [, score]) => Math.min(least, score), Number.POSITIVE_INFINITY) - unknownPenalty;
  }

  static read(fields: Fields): UnigramModel {
    const list = fields.array('vocab');
    const place = `${fields.place}.vocab`;
    if (list.length > maxVocabSize)
      throw new TokenizerError('limit', `${place}: at most ${maxVocabSize} pieces, got ${list.length}`);
    const seen = new Set<string>();
    const pieces = list.map((entry, id): ScoredPiece => {
      const [piece, score] = Array.isArray(entry) ? entry : [];
      if (typeof piece !== 'string' || typeof score !== 'number')
        throw new TokenizerError('format', `${place}[${id}]: expected [piece, score]`);
      if (seen.has(piece)) throw new TokenizerError('ids', `${place}: ${JSON.stringify(piece)} is listed twice`);
      seen.add(piece);
      return [piece, score];
    });
    const unknownId = fields.has('unk_id') ? fields.count('unk_id') : undefined;
    if (unknownId !== undefined && unknownId >= pieces.length) {
      throw new TokenizerError('ids', `${fields.place}.unk_id: must be below ${pieces.length}, got ${unknownId}`);
    }
    return new UnigramModel({ pieces, unknownId, byteFallback: fields.boolean('byte_fallback', false) });
  }

  get vocabSize(): number {
    return this.#options.pieces.length;
  }

  tokenToId(token: string): number | undefined {
    return this.#ids.get(token);
  }

  idToToken(id: number): string | undefined {
    return isCount(id) ? this.#options.pieces[id]?.[0] : undefined;
  }

  tokenize(word: string): ModelTokens {
    return this.#cache.get(word, (missed) => this.#tokenize(missed));
  }

  #tokenize(word: string): ModelTokens {
    const found = { ids: [] as number[], tokens: [] as string[], starts: [] as number[], ends: [] as number[] };
    const add = (id: number, token: string, start: number, end: number): void => {
      found.ids.push(id);
      found.tokens.push(token);
      found.starts.push(start);
      found.ends.push(end);
    };
    for (const [start, end] of this.#bestSplit(word)) {
      const piece = word.slice(start, end);
      const id = this.#ids.get(piece);
      if (id !== undefined) {
        add(id, piece, start, end);
        continue;
      }
      const bytes = this.#options.byteFallback ? this.#spellBytes(piece) : undefined;
      if (bytes) for (const [byteId, token] of bytes) add(byteId, token, start, end);
      else add(this.#unknownId(word), piece, start, end);
    }
    return found;
  }

  /** Begin and end of the pieces of the best split; neighbouring unknown characters are one piece. */
  #bestSplit(word: string): [start: number, end: number][] {
    const { pieces } = this.#options;
    const length = word.length;
    const scores = new Float64Array(length + 1);
    const begins = new Int32Array(length + 1).fill(-1); // of the last piece of the best split that ends here
    const ids = new Int32Array(length + 1);
    for (let start = 0; start < length;) {
      const next = start + ((word.codePointAt(start) ?? 0) > 0xffff ? 2 : 1);
      const before = scores[start] ?? 0;
      const offer = (end: number, id: number, score: number): void => {
        if ((begins[end] ?? -1) >= 0 && before + score <= (scores[end] ?? 0)) return;
        scores[end] = before + score;
        begins[end] = start;
        ids[end] = id;
      };
      let hasCharacter = false;
      this.#trie.forEachPrefix(word, start, (id, end) => {
        if (end === next) hasCharacter = true;
        offer(end, id, pieces[id]?.[1] ?? 0);
      });
      if (!hasCharacter) {
        if ((begins[next] ?? -1) < 0 || before + this.#unknownScore > (scores[next] ?? 0))
          offer(next, this.#unknownId(word), this.#unknownScore);
      }
      start = next;
    }
    const split: [number, number][] = [];
    let joins = false; // whether the piece after was unknown
    for (let end = length; end > 0; end = begins[end] ?? 0) {
      const isUnknown = ids[end] === this.#options.unknownId;
      const last = split.at(-1);
      if (isUnknown && joins && last) last[0] = begins[end] ?? 0;
      else split.push([begins[end] ?? 0, end]);
      joins = isUnknown;
    }
    return split.reverse();
  }

  #spellBytes(piece: string): [id: number, token: string][] | undefined {
    const spelled: [number, string][] = [];
    for (const byte of new TextEncoder().encode(piece)) {
      const token = byteToken(byte);
      const id = this.#ids.get(token);
      if (id === undefined) return undefined;
      spelled.push([id, token]);
    }
    return spelled;
  }

  #unknownId(word: string): number {
    const { unknownId } = this.#options;
    if (unknownId === undefined) {
      throw new TokenizerError(
        'unknown-token',
        `UnigramModel: ${JSON.stringify(word.slice(0, 60))} has characters without a piece, and there is no unknown piece`,
      );
    }
    return unknownId;
  }
}
