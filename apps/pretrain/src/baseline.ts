import type { Tokenizer } from '@formers/tokenizers';
import type { Tensor2D } from '@tensorflow/tfjs-core';

/** What a run shows in its end. */
interface Ending {
  readonly text: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** An ending, and what its accuracy is to be compared with: that of always saying the most common token. */
export async function besideBaseline(
  ending: Ending,
  {
    tokenizer,
    ...options
  }: {
    tokenizer: Tokenizer;
    batches: Iterable<{ targets: Tensor2D }>;
    isAnswer?: ((id: number) => boolean) | undefined;
  },
): Promise<Ending> {
  const { id, share } = await commonestTarget(options);
  const token = tokenizer.decode([id]).trim() || tokenizer.idToToken(id);
  return {
    text: `${ending.text}\n\nalways saying ${JSON.stringify(token)} would be right in ${(100 * share).toFixed(2)} %`,
    facts: { ...ending.facts, baseline_accuracy: share },
  };
}

/** The token that is asked for most often, and its share of all that are. */
export async function commonestTarget({
  batches,
  isAnswer = () => true,
}: {
  batches: Iterable<{ targets: Tensor2D }>;
  isAnswer?: ((id: number) => boolean) | undefined;
}): Promise<{ id: number; share: number }> {
  const counts = new Map<number, number>();
  for (const { targets } of batches)
    for (const id of await targets.data()) if (id >= 0 && isAnswer(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const [id, count] = [...counts].reduce((best, one) => (one[1] > best[1] ? one : best), [0, 0]);
  return { id, share: total === 0 ? 0 : count / total };
}
