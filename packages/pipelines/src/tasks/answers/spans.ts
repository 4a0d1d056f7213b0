import type { Encoding } from '@formers/tokenizers';

import { largest, softmax } from '../../scores.ts';

/** An answer in a part of the context: its first and its last token, and its probability. */
export interface Span {
  readonly first: number;
  readonly last: number;
  readonly score: number;
}

/** The likeliest answers in one part of a context. */
export interface PartAnswers {
  readonly spans: readonly Span[];
  /** The probability that there is no answer, which the first token stands for. */
  readonly nullScore: number;
}

/** So low that nothing is left of its probability. */
const HIDDEN = -10_000;

/**
 * The likeliest spans of context tokens: the product of the probabilities of first and last token, as in Hugging Face's pipeline (from Chen et al. 2017). The
 * start token may take probability, but not be an answer.
 */
export function likeliestSpans(
  encoding: Encoding,
  {
    startLogits,
    endLogits,
    clsTokenId,
    count,
    maxAnswerLen,
  }: {
    startLogits: Float32Array;
    endLogits: Float32Array;
    clsTokenId: number | undefined;
    count: number;
    maxAnswerLen: number;
  },
): PartAnswers {
  const isContext = encoding.sequenceIds.map((sequence) => sequence === 1);
  const isPossible = isContext.map((inContext, i) => inContext || encoding.ids[i] === clsTokenId);
  const probabilities = (logits: Float32Array): number[] =>
    softmax(isPossible.map((possible, i) => (possible ? (logits[i] as number) : HIDDEN)));
  const starts = probabilities(startLogits);
  const ends = probabilities(endLogits);
  const nullScore = (starts[0] ?? 0) * (ends[0] ?? 0);

  const spans: Span[] = [];
  for (const [first, start] of starts.entries()) {
    for (let last = first; last < Math.min(first + maxAnswerLen, ends.length); last++) {
      if (isContext[first] && isContext[last]) spans.push({ first, last, score: start * (ends[last] as number) });
    }
  }
  const best = largest(
    spans.map(({ score }) => score),
    count,
  );
  return { spans: best.map((i) => spans[i] as Span), nullScore };
}

/** Where a span stands in the context, in UTF-16 units: whole words of it, or just its tokens. */
export function placeOf(
  { first, last }: Span,
  encoding: Encoding,
  { alignToWords }: { alignToWords: boolean },
): [start: number, end: number] {
  const { offsets, words, sequenceIds } = encoding;
  let [from, to] = [first, last];
  const isWordOf = (token: number, other: number): boolean =>
    words[token] === words[other] && sequenceIds[token] === sequenceIds[other];
  if (alignToWords && (words[first] ?? -1) >= 0 && (words[last] ?? -1) >= 0) {
    while (from > 0 && isWordOf(from - 1, first)) from--;
    while (to + 1 < offsets.length && isWordOf(to + 1, last)) to++;
  }
  return [offsets[from]?.[0] ?? 0, offsets[to]?.[1] ?? 0];
}
