import type { RandomStream } from '@formers/backend';

/** A text to be spoilt: tokens without special ones. */
export interface NoiseText {
  readonly ids: Int32Array;
  /** Where sentences begin; default the text is one sentence. */
  readonly sentenceStarts?: readonly number[] | Int32Array;
}

/** The sentences in random order. */
export function permuteSentences({ ids, sentenceStarts = [] }: NoiseText, random: RandomStream): Int32Array {
  const starts = [...new Set([0, ...sentenceStarts])].filter((start) => start < ids.length).sort((a, b) => a - b);
  const permuted = new Int32Array(ids.length);
  let written = 0;
  for (const index of random.shuffle(Uint32Array.from(starts.keys()))) {
    const sentence = ids.subarray(starts[index], starts[index + 1] ?? ids.length);
    permuted.set(sentence, written);
    written += sentence.length;
  }
  return permuted;
}

/** The text without some of its tokens; one stays at least. */
export function deleteTokens(ids: Int32Array, { share, random }: { share: number; random: RandomStream }): Int32Array {
  const kept = share > 0 ? ids.filter(() => random.uniform() >= share) : ids;
  return kept.length > 0 ? kept : ids.slice(0, 1);
}

/**
 * Spans whose lengths are Poisson distributed become one mask token each, until `share` of the tokens is gone; a span of no length puts a mask token in between.
 * The last span is cut short where it would be too much.
 */
export function infillText(
  ids: Int32Array,
  {
    share,
    meanSpanLength,
    maskId,
    random,
  }: { share: number; meanSpanLength: number; maskId: number; random: RandomStream },
): Int32Array {
  const total = Math.round(ids.length * share);
  const lengths: number[] = [];
  let taken = 0;
  while (taken < total) {
    const length = Math.min(poisson(meanSpanLength, random), total - taken);
    lengths.push(length);
    taken += length;
  }
  if (lengths.length === 0) return ids;
  // Spans and kept tokens in random order: every way to lay the spans apart is equally likely.
  const order = Int32Array.from({ length: ids.length - taken + lengths.length }, (_, i) =>
    i < lengths.length ? i : -1,
  );
  random.shuffle(order);
  let at = 0;
  return order.map((span) => {
    if (span < 0) return ids[at++] ?? maskId;
    at += lengths[span] ?? 0;
    return maskId;
  });
}

/** The text with some of its tokens replaced by any of `ordinary`, but for tokens `keep`. */
export function replaceTokens(
  ids: Int32Array,
  { share, ordinary, keep, random }: { share: number; ordinary: Int32Array; keep: number; random: RandomStream },
): Int32Array {
  if (share <= 0) return ids;
  return ids.map((id) => {
    if (id === keep || random.uniform() >= share) return id;
    return ordinary[random.integer(ordinary.length)] ?? id;
  });
}

/** The text from a random token on, then what was before it. */
export function rotate(ids: Int32Array, random: RandomStream): Int32Array {
  const start = random.integer(ids.length);
  return ids.map((_, i) => ids[(start + i) % ids.length] ?? 0);
}

/** A Poisson distributed number (Knuth, The Art of Computer Programming 2, section 3.4.1). */
export function poisson(mean: number, random: RandomStream): number {
  const least = Math.exp(-mean);
  let count = 0;
  for (let product = random.uniform(); product > least; product *= random.uniform()) count++;
  return count;
}
