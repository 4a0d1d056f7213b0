import type { Drafts } from './drafts.ts';
import { GenerationError } from './errors.ts';
import { draw } from './multinomial.ts';
import { argmax, logSoftmax } from './probabilities.ts';
import type { Session, SessionRow } from './session.ts';
import type { StopReason } from './stop-reason.ts';

/** A token that was just chosen. */
export interface GeneratedToken {
  /** Which result it belongs to; the results of prompt p start at p · numReturnSequences. */
  readonly row: number;
  readonly id: number;
  /** The logarithm of its probability, after all processors. */
  readonly score: number;
  /** Why the row ends with it, if it does. */
  readonly stopReason: StopReason | undefined;
}

/** Greedy search or sampling: chooses a token for each unfinished row, step by step, until all have a reason to stop or the signal comes. */
export async function* sample(session: Session): AsyncGenerator<GeneratedToken, void> {
  const { settings, rows, decoder, drafts, stopReason } = session;
  using _ = decoder;
  if (drafts) return yield* assistedSample(session, drafts);
  const texts = rows.map((row) => ({ row, ids: [...row.prompt.ids], done: false }));
  const { doSample } = settings;
  while (!settings.signal?.aborted && texts.some(({ done }) => !done)) {
    const logits = await decoder.nextLogits(texts.map(({ ids, row }) => ({ ...row.prompt, ids })));
    for (const [index, text] of texts.entries()) {
      if (text.done) {
        text.ids.push(0); // keeps the batch rectangular; nobody looks at it
        continue;
      }
      const { id, score } = choose(logits[index] as Float64Array, { text, doSample });
      text.ids.push(id);
      const reason = stopReason(text.ids, text.row);
      text.done = reason !== undefined;
      yield { row: index, id, score, stopReason: reason };
    }
  }
}

/**
 * {@link sample} for one row, where drafts are checked several tokens at a time: a step goes on for as long as what is chosen is what was drafted. Each token is chosen
 * as without drafts, so the text is the same.
 */
async function* assistedSample(
  { settings, rows, decoder, stopReason }: Session,
  drafts: Drafts,
): AsyncGenerator<GeneratedToken, void> {
  using _ = drafts;
  const row = rows[0] as SessionRow;
  const { padding } = row.prompt;
  const ids = [...row.prompt.ids];
  while (!settings.signal?.aborted) {
    const most = Math.min(row.maxLength, decoder.contextLength + padding) - ids.length - 1; // the last token is never fed
    const draft = most > 0 ? await drafts.propose(ids.slice(padding), most) : [];
    const drafted = { ...row.prompt, ids: [...ids, ...draft] };
    const logits =
      draft.length > 0 ? await decoder.lastLogits(drafted, draft.length + 1) : await decoder.nextLogits([drafted]);
    for (const [i, next] of logits.entries()) {
      const { id, score } = choose(next, { text: { ids, row }, doSample: settings.doSample });
      ids.push(id);
      const reason = stopReason(ids, row);
      yield { row: 0, id, score, stopReason: reason };
      if (reason) return;
      if (id !== draft[i]) break;
    }
  }
}

function choose(
  logits: Float64Array,
  { text: { ids, row }, doSample }: { text: { ids: readonly number[]; row: SessionRow }; doSample: boolean },
): { id: number; score: number } {
  for (const process of row.processors) process(ids, logits);
  const scores = logSoftmax(logits);
  const id = doSample ? draw(scores.map(Math.exp), row.random) : argmax(scores);
  if (id === undefined) throw new GenerationError('generation: no token is left to draw from');
  return { id, score: scores[id] as number };
}
