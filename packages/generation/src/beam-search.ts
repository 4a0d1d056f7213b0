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
  /** Their sum; of finished beams divided by `length ** lengthPenalty`. */
  readonly score: number;
  readonly stopReason?: StopReason | undefined;
}

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
  readonly #finished: Beam[] = []; // best first
  #running: readonly Beam[]; // always numBeams; dead ones have the score -Infinity
  #isOpen = true;

  constructor(row: SessionRow, settings: Settings) {
    this.row = row;
    this.#settings = settings;
    this.#running = fill([{ ids: row.prompt.ids, tokenScores: [], score: 0 }], settings.numBeams);
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
    if (candidates.length + this.#finished.length === 0) {
      throw new GenerationError('beamSearch: no token is left to choose from; all are ruled out');
    }
    // An end further down the list than numBeams is not good enough to be kept.
    this.#finish(candidates.slice(0, numBeams).filter((beam) => beam.stopReason !== undefined));
    const next = candidates.filter((beam) => beam.stopReason === undefined).sort(byScore);
    this.#isOpen = next.length > 0;
    if (!this.#isOpen) return [];
    const running = fill(next, numBeams);
    this.#running = running;
    this.#isOpen = this.#canImprove();
    return running.map(({ parent }) => parent);
  }

  /** The best sequences; after an abort running ones too. Where there are no more, copies with the score -Infinity. */
  results(): Beam[] {
    const unfinished = this.#isOpen ? this.#running.map((beam) => ({ ...beam, score: this.#normalized(beam) })) : [];
    return fill([...this.#finished, ...unfinished], this.#settings.numReturnSequences);
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
      : largestIndices(totals, count).filter((place) => totals[place] !== -Infinity);
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
    this.#finished.push(...ended.map((beam) => ({ ...beam, score: this.#normalized(beam) })));
    this.#finished.sort(byScore);
    this.#finished.splice(numBeams);
  }

  /** Whether the best running beam may yet beat the worst finished one. */
  #canImprove(): boolean {
    const { numBeams, earlyStopping, lengthPenalty } = this.#settings;
    if (this.#finished.length < numBeams) return true;
    if (earlyStopping === true) return false;
    const best = this.#running[0] as Beam;
    const promptLength = this.row.prompt.ids.length;
    // 'never' thinks of the length at which the score would be best.
    const length =
      earlyStopping === 'never' && lengthPenalty > 0
        ? this.row.maxLength - promptLength
        : best.ids.length - promptLength;
    return best.score / length ** lengthPenalty > (this.#finished.at(-1) as Beam).score;
  }

  #normalized({ score, tokenScores }: Beam): number {
    return tokenScores.length === 0 ? score : score / tokenScores.length ** this.#settings.lengthPenalty;
  }
}

function byScore(a: Beam, b: Beam): number {
  return b.score - a.score;
}

/** The first `count` beams; where there are fewer, dead copies of the first. */
function fill<T extends Beam>(beams: readonly T[], count: number): T[] {
  const dead = { ...(beams[0] as T), score: -Infinity };
  return Array.from({ length: count }, (_, i) => beams[i] ?? dead);
}
