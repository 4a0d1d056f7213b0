import { beamSearch } from './beam-search.ts';
import type { LanguageModel } from './model.ts';
import type { GenerateOptions } from './options.ts';
import type { Prompts } from './prompts.ts';
import { sample } from './sample.ts';
import { openSession, type Session } from './session.ts';
import type { StopReason } from './stop-reason.ts';

/** What was generated: one row for each prompt, or `numReturnSequences` rows one after another for each. */
export interface GenerateResult {
  /** The prompts as given and the new tokens; shorter rows are filled up with `padTokenId`, as in Hugging Face. */
  readonly sequences: number[][];
  /** The new tokens alone, up to and with the end token. */
  readonly newTokens: number[][];
  /** The logarithm of the probability of each new token, after all processors. */
  readonly scores: number[][];
  readonly stopReasons: StopReason[];
  /** With beams: the sum of each row's `scores`, divided by `length ** lengthPenalty`; near -1e9 over that where a row only makes up the number. */
  readonly sequenceScores?: number[];
}

/**
 * Continues one prompt or several: greedy by default, by sampling if an option for it is given (or `doSample`), by beam search with `numBeams`.
 *
 * Throws a {@link GenerationError} before any work when a prompt or an option is out of range.
 *
 * @param prompts Ids of a prompt, or of several, which may have different lengths.
 * @example
 * const { newTokens } = await generate(model, [1, 2, 3], { maxNewTokens: 50, temperature: 0.8, seed: 1 });
 */
export async function generate(
  model: LanguageModel,
  prompts: Prompts,
  options: GenerateOptions = {},
): Promise<GenerateResult> {
  const session = openSession(model, prompts, { options, where: 'generate' });
  const { numBeams, numReturnSequences } = session.settings;
  const copies = numBeams > 1 ? numReturnSequences : 1;
  const promptOf = (row: number): readonly number[] => session.rows[Math.floor(row / copies)]?.prompt.ids ?? [];
  const rows = numBeams > 1 ? await collectBeams(session) : await collectSamples(session);
  const newTokens = rows.map(({ ids }) => ids);
  const width = Math.max(...newTokens.map(({ length }) => length));
  const fill = fillToken(session);
  return {
    sequences: newTokens.map((ids, row) => [
      ...promptOf(row),
      ...ids,
      ...new Array<number>(width - ids.length).fill(fill),
    ]),
    newTokens,
    scores: rows.map(({ scores }) => scores),
    stopReasons: rows.map(({ stopReason }) => stopReason),
    ...(numBeams > 1 && { sequenceScores: rows.map(({ total }) => total) }),
  };
}

interface GeneratedRow {
  ids: number[];
  scores: number[];
  stopReason: StopReason;
  total: number;
}

async function collectSamples(session: Session): Promise<GeneratedRow[]> {
  const rows = session.rows.map((): GeneratedRow => ({ ids: [], scores: [], stopReason: 'abort', total: 0 }));
  for await (const { row, id, score, stopReason } of sample(session)) {
    const to = rows[row] as GeneratedRow;
    to.ids.push(id);
    to.scores.push(score);
    to.total += score;
    if (stopReason) to.stopReason = stopReason;
  }
  return rows;
}

async function collectBeams(session: Session): Promise<GeneratedRow[]> {
  const beams = await beamSearch(session);
  return beams.flatMap((best, i) =>
    best.map(({ ids, tokenScores, score, stopReason = 'abort' }) => ({
      ids: ids.slice(session.rows[i]?.prompt.ids.length),
      scores: [...tokenScores],
      stopReason,
      total: score,
    })),
  );
}

/** What fills rows that end early. Beam search of Hugging Face takes the end token where `padTokenId` is 0. */
function fillToken({ settings: { padTokenId, eosTokenIds, numBeams } }: Session): number {
  const [end = 0] = eosTokenIds;
  return padTokenId === undefined || (padTokenId === 0 && numBeams > 1) ? end : padTokenId;
}
