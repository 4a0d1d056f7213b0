import { GenerationError } from './errors.ts';
import { drawWithoutReplacement } from './multinomial.ts';
import { largestIndices, logSoftmax, softmax } from './probabilities.ts';
import type { Session, SessionRow } from './session.ts';
import type { Settings } from './settings.ts';
import type { StopReason } from './stop-reason.ts';

/** A sequence that beam search follows or has finished. */
export interface Beam {
  /** Prompt and new tokens. */
  readonly ids: readonly number[];
  /** The logarithm of the probability of each new token, after all processors. */
  readonly tokenScores: readonly number[];
  /** Their sum, and {@link LOST} where the beam only makes up the number; of finished beams divided by `length ** lengthPenalty`. */
  readonly score: number;
  readonly stopReason?: StopReason | undefined;
}

/** The score of a beam that isn't there, and what is added to those that shall come after all others; the number of Hugging Face. */
const LOST = -1e9;

/** A beam that is one token longer than beam `parent` of the step before. */
interface Candidate extends Beam {
  readonly parent: number;
}

/**
 * Beam search, and beam sampling with `doSample`, as Hugging Face 5 has it: each row of a batch stops by itself.
 *
 * @returns For each row its best `numReturnSequences` sequences, best first.
 */
export async function beamSearch({ settings, rows, decoder, stopReason }: Session): Promise<Beam[][]> {
  using _ = decoder;
  const searches = rows.map((row) => new RowSearch(row, settings));
  let open = searches;
  while (!settings.signal?.aborted && open.length > 0) {
    const beams = open.flatMap(({ row, running }) => running.map(({ ids }) => ({ ...row.prompt, ids })));
    const logits = await decoder.nextLogits(beams);
    const parents = open.flatMap((search, index) => {
      const first = index * settings.numBeams;
      const step = search.step(logits.slice(first, first + settings.numBeams), (ids) => stopReason(ids, search.row));
      return search.isOpen ? step.map((parent) => first + parent) : [];
    });
    open = open.filter((search) => search.isOpen);
    if (open.length > 0) decoder.selectRows(parents);
  }
  return searches.map((search) => search.results());
}

/** The search for one prompt. */
class RowSearch {
  readonly row: SessionRow;
  readonly #settings: Settings;
  #finished: readonly Beam[] = []; // best first
  #running: readonly Beam[]; // always numBeams, best first
  #isOpen = true;

  constructor(row: SessionRow, settings: Settings) {
    this.row = row;
    this.#settings = settings;
    this.#running = [{ ...this.#nothing, score: 0 }, ...repeat(this.#nothing, settings.numBeams - 1)];
  }

  get running(): readonly Beam[] {
    return this.#running;
  }

  /** Whether more steps may change the results. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Goes on by one token; returns which running beam each new one comes from, while the search is open. */
  step(logits: readonly Float64Array[], reasonOf: (ids: readonly number[]) => StopReason | undefined): number[] {
    const { numBeams } = this.#settings;
    const candidates = this.#candidates(logits).map((beam) => ({ ...beam, stopReason: reasonOf(beam.ids) }));
    const hasEnded = (beam: Beam): boolean => beam.stopReason !== undefined;
    if (this.#finished.length === 0 && candidates.every(({ score }) => score === -Infinity)) {
      throw new GenerationError('beamSearch: no token is left to choose from; all are ruled out');
    }
    // An end further down the list than numBeams is not good enough to be kept.
    this.#finish(candidates.slice(0, numBeams).filter(hasEnded));
    // Where too few go on, ended ones make up the number.
    const next = candidates
      .map((beam) => (hasEnded(beam) ? { ...beam, score: beam.score + LOST } : beam))
      .sort(byScore);
    const running = [...next, ...repeat({ ...(next[0] as Candidate), score: -Infinity }, numBeams)].slice(0, numBeams);
    this.#running = running;
    this.#isOpen = !candidates.every(hasEnded) && this.#canImprove();
    return running.map(({ parent }) => parent);
  }

  /** The best sequences; after an abort running ones too. Where there are no more, rows without a token. */
  results(): Beam[] {
    const { numReturnSequences } = this.#settings;
    const unfinished = (this.#isOpen ? this.#running : [])
      .filter(({ score }) => score > -Infinity)
      .map((beam) => ({ ...beam, score: this.#normalized(beam) }));
    return [...this.#finished, ...unfinished, ...repeat(this.#nothing, numReturnSequences)].slice(
      0,
      numReturnSequences,
    );
  }

  /** A sequence that isn't there. */
  get #nothing(): Beam {
    return { ids: this.row.prompt.ids, tokenScores: [], score: LOST };
  }

  /** The best continuations of all running beams, or drawn ones. More than numBeams, so that enough are left when some end. */
  #candidates(logits: readonly Float64Array[]): Candidate[] {
    const { numBeams, eosTokenIds, doSample } = this.#settings;
    const count = Math.max(2, 1 + eosTokenIds.length) * numBeams;
    const tokenScores = this.#running.map((beam, i) => this.#scores(logits[i] as Float64Array, beam));
    const vocabSize = (tokenScores[0] as Float64Array).length;
    const totals = new Float64Array(numBeams * vocabSize);
    for (const [i, scores] of tokenScores.entries()) {
      const { score } = this.#running[i] as Beam;
      totals.set(
        scores.map((tokenScore) => score + tokenScore),
        i * vocabSize,
      );
    }
    const places = doSample
      ? drawWithoutReplacement(softmax(totals), { count, random: this.row.random })
      : largestIndices(totals, count);
    return places.map((place) => {
      const parent = Math.floor(place / vocabSize);
      const id = place % vocabSize;
      const { ids, tokenScores: earlier } = this.#running[parent] as Beam;
      const tokenScore = (tokenScores[parent] as Float64Array)[id] as number;
      return { parent, ids: [...ids, id], tokenScores: [...earlier, tokenScore], score: totals[place] as number };
    });
  }

  #scores(logits: Float64Array, { ids }: Beam): Float64Array {
    const scores = logSoftmax(logits);
    for (const process of this.row.processors) process(ids, scores);
    return scores;
  }

  #finish(ended: readonly Beam[]): void {
    const { numBeams, earlyStopping } = this.#settings;
    if (earlyStopping === true && this.#finished.length === numBeams) return;
    const scored = ended.map((beam) => ({ ...beam, score: this.#normalized(beam) }));
    this.#finished = [...this.#finished, ...scored.filter(({ score }) => score > LOST)]
      .sort(byScore)
      .slice(0, numBeams);
  }

  /** Whether the best running beam may yet beat the worst finished one. */
  #canImprove(): boolean {
    const { numBeams, earlyStopping, lengthPenalty } = this.#settings;
    const isFull = this.#finished.length === numBeams;
    if (isFull && earlyStopping === true) return false;
    const best = this.#running[0] as Beam;
    const promptLength = this.row.prompt.ids.length;
    // 'never' thinks of the length at which the score would be best.
    const length =
      earlyStopping === 'never' && lengthPenalty > 0
        ? this.row.maxLength - promptLength
        : best.ids.length - promptLength;
    return best.score / length ** lengthPenalty > (isFull ? (this.#finished.at(-1) as Beam).score : LOST);
  }

  #normalized({ score, tokenScores }: Beam): number {
    return tokenScores.length === 0 ? score : score / tokenScores.length ** this.#settings.lengthPenalty;
  }
}

function byScore(a: Beam, b: Beam): number {
  return b.score - a.score;
}

function repeat<T>(value: T, count: number): T[] {
  return Array.from({ length: count }, () => value);
}
