import { demand } from '../errors.ts';
import { largestIndices } from '../probabilities.ts';
import type { LogitsProcessor } from './logits-processor.ts';
import { MersenneTwister } from './mersenne-twister.ts';

/** How text is marked, as the `watermarking_config` of Hugging Face says it. */
export interface WatermarkingConfig {
  /** Share of the vocabulary that is favoured; default 0.25. */
  readonly greenlistRatio?: number | undefined;
  /** Added to the logits of favoured tokens; default 2. */
  readonly bias?: number | undefined;
  /** The key that a detector needs; default 15485863. */
  readonly hashingKey?: number | undefined;
  /** Whether the choice depends on the last tokens alone (default) or on the candidate too. */
  readonly seedingScheme?: 'lefthash' | 'selfhash' | undefined;
  /** How many tokens the choice depends on; default 1. */
  readonly contextWidth?: number | undefined;
}

/** Favours a part of the vocabulary that depends on the last tokens, so that the text can be told later (Kirchenbauer et al. 2023). */
export function watermarkLogitsProcessor({
  vocabSize,
  greenlistRatio = 0.25,
  bias = 2,
  hashingKey = 15485863,
  seedingScheme = 'lefthash',
  contextWidth = 1,
}: WatermarkingConfig & { vocabSize: number }): LogitsProcessor {
  const where = 'watermarkLogitsProcessor';
  const isShare = greenlistRatio > 0 && greenlistRatio < 1;
  demand(isShare, { where, name: 'greenlistRatio', wanted: 'above 0 and below 1', got: greenlistRatio });
  const isWidth = Number.isInteger(contextWidth) && contextWidth > 0;
  demand(isWidth, { where, name: 'contextWidth', wanted: 'a whole number above 0', got: contextWidth });
  const size = Math.floor(vocabSize * greenlistRatio);
  const greenlist = (seed: bigint): Int32Array =>
    new MersenneTwister(Number(BigInt.asUintN(32, seed))).permutation(vocabSize).subarray(0, size);

  if (seedingScheme === 'lefthash') {
    return (ids, logits) => {
      if (ids.length < contextWidth) return;
      for (const id of greenlist(seedOf(BigInt(hashingKey) * BigInt(ids.at(-1) as number)))) {
        logits[id] = (logits[id] as number) + bias;
      }
    };
  }
  const table = new MersenneTwister(hashingKey).permutation(TABLE_SIZE);
  const hash = (id: number): bigint => BigInt((table[id % TABLE_SIZE] as number) + 1);
  return (ids, logits) => {
    if (ids.length < contextWidth) return;
    // A candidate is favoured when it is in the list that it chooses itself.
    const favoured = largestIndices(logits, SELF_HASH_CANDIDATES).filter((candidate) => {
      const seeds = [...ids, candidate]
        .slice(-contextWidth)
        .map((id) => wrap(BigInt(hashingKey) * hash(id) * hash(candidate)));
      return greenlist(seedOf(seeds.reduce((a, b) => (a < b ? a : b)))).includes(candidate);
    });
    for (const id of favoured) logits[id] = (logits[id] as number) + bias;
  };
}

const TABLE_SIZE = 1_000_003;
const SELF_HASH_CANDIDATES = 40;

/** As int64 arithmetic wraps. */
function wrap(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

/** The remainder by 2⁶⁴ - 1 with the sign of the divisor, as Python's `%`. */
function seedOf(value: bigint): bigint {
  const modulus = 2n ** 64n - 1n;
  return ((value % modulus) + modulus) % modulus;
}
