import { demand } from '../errors.ts';
import { entropy, largestIndices, logSoftmax, softmax } from '../probabilities.ts';
import type { LogitsProcessor, TruncationOptions } from './logits-processor.ts';

/** Keeps the `topK` likeliest tokens, and those as likely as the last of them (Fan et al. 2018). */
export function topKLogitsWarper({ topK, ...options }: TruncationOptions & { topK: number }): LogitsProcessor {
  const where = 'topKLogitsWarper';
  demand(isCount(topK), { where, name: 'topK', wanted: 'a whole number above 0', got: topK });
  const { filterValue, minTokensToKeep } = truncation(options, where);
  return (_ids, logits) => {
    const threshold = rankedLogit(logits, Math.max(topK, minTokensToKeep));
    removeWhere(logits, { filterValue, isRemoved: (id) => (logits[id] as number) < threshold });
  };
}

/**
 * Keeps the smallest set of likeliest tokens whose probabilities add up to `topP` (Holtzman et al. 2020, "The Curious Case of Neural Text
 * Degeneration"); 0 keeps the likeliest alone. Of equally likely tokens those with higher ids stay, as in Hugging Face.
 */
export function topPLogitsWarper({ topP, ...options }: TruncationOptions & { topP: number }): LogitsProcessor {
  const where = 'topPLogitsWarper';
  demand(topP >= 0 && topP <= 1, { where, name: 'topP', wanted: 'between 0 and 1', got: topP });
  const { filterValue, minTokensToKeep } = truncation(options, where);
  return (_ids, logits) => {
    const ascending = logits.slice().sort();
    const probabilities = softmax(ascending);
    let removed = 0; // a prefix of the ascending order, all but a mass of topP
    let mass = 0;
    while (removed < logits.length - minTokensToKeep) {
      mass += probabilities[removed] as number;
      if (mass > 1 - topP) break;
      removed++;
    }
    const threshold = ascending[removed] as number;
    let equals = removed - ascending.indexOf(threshold); // how many as likely as the threshold go
    removeWhere(logits, {
      filterValue,
      isRemoved: (id) => {
        const logit = logits[id] as number;
        return logit < threshold || (logit === threshold && equals-- > 0);
      },
    });
  };
}

/**
 * Keeps the likeliest tokens whose terms of the entropy add up to at most `topH` of the whole, among the 100 likeliest (Potraghloo et al.
 * 2025, "Top-H Decoding").
 */
export function topHLogitsWarper({
  topH,
  filterValue = -Infinity,
}: {
  topH: number;
  filterValue?: number | undefined;
}): LogitsProcessor {
  demand(topH > 0 && topH <= 1, {
    where: 'topHLogitsWarper',
    name: 'topH',
    wanted: 'above 0 and at most 1',
    got: topH,
  });
  return (_ids, logits) => {
    const top = largestIndices(logits, 100);
    const logs = logSoftmax(Float64Array.from(top, (id) => logits[id] as number));
    const limit = entropy(logs) * topH;
    const kept = new Set<number>();
    let sum = 0;
    for (const [rank, id] of top.entries()) {
      const log = logs[rank] as number;
      sum -= log === -Infinity ? Infinity : Math.exp(log) * log;
      if (rank > 0 && !(sum <= limit)) break;
      kept.add(id);
    }
    removeWhere(logits, { filterValue, isRemoved: (id) => !kept.has(id) });
  };
}

/** Keeps tokens with at least `minP` times the probability of the likeliest (Nguyen et al. 2024, "Min P Sampling"). */
export function minPLogitsWarper({ minP, ...options }: TruncationOptions & { minP: number }): LogitsProcessor {
  const where = 'minPLogitsWarper';
  demand(minP >= 0 && minP <= 1, { where, name: 'minP', wanted: 'between 0 and 1', got: minP });
  const { filterValue, minTokensToKeep } = truncation(options, where);
  return (_ids, logits) => {
    const probabilities = softmax(logits);
    const top = new Set(largestIndices(probabilities, minTokensToKeep));
    const [best = 0] = top;
    const threshold = minP * (probabilities[best] as number);
    removeWhere(logits, { filterValue, isRemoved: (id) => (probabilities[id] as number) < threshold && !top.has(id) });
  };
}

/**
 * Keeps the tokens whose information is closest to the expected one, until their probabilities add up to `mass` (Meister et al. 2022,
 * "Locally Typical Sampling").
 */
export function typicalLogitsWarper({
  mass = 0.9,
  ...options
}: TruncationOptions & { mass?: number | undefined } = {}): LogitsProcessor {
  const where = 'typicalLogitsWarper';
  demand(mass > 0 && mass < 1, { where, name: 'mass', wanted: 'above 0 and below 1', got: mass });
  const { filterValue, minTokensToKeep } = truncation(options, where);
  return (_ids, logits) => {
    const logs = logSoftmax(logits);
    const expected = entropy(logs);
    const distances = logs.map((log) => Math.abs(-log - expected));
    const order = Int32Array.from(logs.keys()).sort(
      (a, b) => (distances[a] as number) - (distances[b] as number) || a - b,
    );
    let last = 0;
    let sum = Math.exp(logs[order[0] as number] as number);
    while (sum < mass && last < order.length - 1) sum += Math.exp(logs[order[++last] as number] as number);
    const limit = distances[order[last] as number] as number;
    const kept = new Set(order.subarray(0, minTokensToKeep));
    removeWhere(logits, { filterValue, isRemoved: (id) => (distances[id] as number) > limit && !kept.has(id) });
  };
}

/** Removes tokens with a probability below `epsilon` (Hewitt et al. 2022, "Truncation Sampling as Language Model Desmoothing"). */
export function epsilonLogitsWarper({ epsilon, ...options }: TruncationOptions & { epsilon: number }): LogitsProcessor {
  const where = 'epsilonLogitsWarper';
  demand(epsilon > 0 && epsilon < 1, { where, name: 'epsilon', wanted: 'above 0 and below 1', got: epsilon });
  return removeImprobable(truncation(options, where), () => epsilon);
}

/** Removes tokens with a probability below `min(epsilon, √epsilon · exp(-entropy))` (Hewitt et al. 2022). */
export function etaLogitsWarper({ epsilon, ...options }: TruncationOptions & { epsilon: number }): LogitsProcessor {
  const where = 'etaLogitsWarper';
  demand(epsilon > 0 && epsilon < 1, { where, name: 'epsilon', wanted: 'above 0 and below 1', got: epsilon });
  return removeImprobable(truncation(options, where), (logs) =>
    Math.min(epsilon, Math.sqrt(epsilon) * Math.exp(-entropy(logs))),
  );
}

function removeImprobable(
  { filterValue, minTokensToKeep }: Truncation,
  limit: (logProbabilities: Float64Array) => number,
): LogitsProcessor {
  return (_ids, logits) => {
    const logs = logSoftmax(logits);
    const threshold = limit(logs);
    const kept = rankedLogit(logits, minTokensToKeep);
    removeWhere(logits, {
      filterValue,
      isRemoved: (id) => Math.exp(logs[id] as number) < threshold && (logits[id] as number) < kept,
    });
  };
}

interface Truncation {
  readonly filterValue: number;
  readonly minTokensToKeep: number;
}

/** The logit that has `rank - 1` before it when the largest come first. */
function rankedLogit(logits: Float64Array, rank: number): number {
  return logits[largestIndices(logits, Math.min(rank, logits.length)).at(-1) as number] as number;
}

/** Asks for each id in order, before that logit changes. */
function removeWhere(
  logits: Float64Array,
  { filterValue, isRemoved }: { filterValue: number; isRemoved: (id: number) => boolean },
): void {
  for (let id = 0; id < logits.length; id++) if (isRemoved(id)) logits[id] = filterValue;
}

function truncation({ filterValue = -Infinity, minTokensToKeep = 1 }: TruncationOptions, where: string): Truncation {
  demand(isCount(minTokensToKeep), {
    where,
    name: 'minTokensToKeep',
    wanted: 'a whole number above 0',
    got: minTokensToKeep,
  });
  return { filterValue, minTokensToKeep };
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}
