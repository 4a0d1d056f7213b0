import { ConfigError, type RandomStream } from '@formers/backend';
import type { Tokenizer } from '@formers/tokenizers';

import type { Collator } from '../batches/collator.ts';
import type { PaddingOptions } from '../batches/pad.ts';
import { DataError } from '../errors.ts';
import { type SequenceToSequenceBatch, sequenceTensors } from './sequence-to-sequence.ts';
import { specialId } from './special-tokens.ts';
import { checkTokens } from './token-example.ts';

/** How spans are chosen. */
export interface SpanOptions {
  /** Share of the tokens that are taken out; default 0.15. */
  noiseDensity?: number;
  /** Mean length of a span in tokens; default 3. */
  meanSpanLength?: number;
}

/** Options of {@link spanCorruption}. */
export interface SpanCorruptionOptions extends SpanOptions, PaddingOptions {
  /** Has the sentinels `<extra_id_0>`, `<extra_id_1>`, ... */
  tokenizer: Tokenizer;
}

/**
 * T5's objective: spans of 3 tokens in the mean, 15 % of all, are each replaced by a sentinel, and the target says for each sentinel what stood there; both end
 * with the end token (Raffel et al. 2020, section 3.1.4, figure 2, and `random_spans_noise_mask` of its code). Sentinels are taken in the order of
 * their names, whose ids descend in T5's vocabulary.
 *
 * Examples are tokens without special ones; {@link spanCorruptionLengths} says how long they should be.
 */
export function spanCorruption(
  options: SpanCorruptionOptions,
): Collator<{ readonly ids: Int32Array }, SequenceToSequenceBatch> {
  const { tokenizer, noiseDensity = 0.15, meanSpanLength = 3, ...padding } = options;
  const where = 'spanCorruption';
  checkSpans({ noiseDensity, meanSpanLength }, where);
  const padId = specialId(tokenizer, { role: 'pad', where });
  const eosId = specialId(tokenizer, { role: 'eos', where });
  const sentinels = sentinelIds(tokenizer);
  return {
    identity: `spanCorruption ${JSON.stringify({ noiseDensity, meanSpanLength, padId, eosId, sentinels, ...padding })}`,
    collate(examples, draws) {
      checkTokens(
        examples.map(({ ids }) => ids),
        { tokenizer, where },
      );
      const rows = examples.map(({ ids }, row) => {
        const random = draws.stream('span-corruption', row);
        return corruptSpans(ids, { random, noiseDensity, meanSpanLength, sentinels, eosId });
      });
      return sequenceTensors(rows, { padId, step: draws.step, ...padding });
    },
  };
}

/**
 * Takes spans out of a text.
 *
 * @throws {@link DataError} `too-short` for fewer than two tokens, `special-token` when there are more spans than sentinels.
 */
export function corruptSpans(
  ids: Int32Array,
  {
    random,
    sentinels,
    eosId,
    noiseDensity = 0.15,
    meanSpanLength = 3,
  }: SpanOptions & { random: RandomStream; sentinels: readonly number[]; eosId: number },
): { ids: Int32Array; targets: Int32Array } {
  if (ids.length < 2) throw new DataError('too-short', `spanCorruption: an example needs 2 tokens, got ${ids.length}`);
  const { numNoise, numSpans } = spanCounts(ids.length, { noiseDensity, meanSpanLength });
  if (numSpans > sentinels.length)
    throw new DataError(
      'special-token',
      `spanCorruption: ${ids.length} tokens have ${numSpans} spans, but the tokenizer only ${sentinels.length} tokens <extra_id_...>`,
    );
  const noise = randomParts(numNoise, numSpans, random);
  const kept = randomParts(ids.length - numNoise, numSpans, random);
  const inputs = new Int32Array(ids.length - numNoise + numSpans + 1).fill(eosId);
  const targets = new Int32Array(numNoise + numSpans + 1).fill(eosId);
  let at = 0; // in the text; what is before it is in one of the two
  let written = 0; // of the inputs
  let told = 0; // of the targets
  for (let span = 0; span < numSpans; span++) {
    const start = at + (kept[span] ?? 0);
    const end = start + (noise[span] ?? 0);
    const sentinel = sentinels[span] ?? 0;
    inputs.set(ids.subarray(at, start), written);
    inputs[written + start - at] = sentinel;
    targets[told] = sentinel;
    targets.set(ids.subarray(start, end), told + 1);
    written += start - at + 1;
    told += end - start + 1;
    at = end;
  }
  return { ids: inputs, targets };
}

/** How many tokens to cut texts to, so that inputs have `inputLength` tokens after corruption, or just fewer; and how long targets are then. End tokens counted. */
export function spanCorruptionLengths(
  inputLength: number,
  { noiseDensity = 0.15, meanSpanLength = 3 }: SpanOptions = {},
): { tokens: number; targets: number } {
  checkSpans({ noiseDensity, meanSpanLength }, 'spanCorruptionLengths');
  if (!(Number.isSafeInteger(inputLength) && inputLength >= 3))
    throw new ConfigError(`spanCorruptionLengths: inputLength must be a whole number from 3, got ${inputLength}`);
  const lengthsOf = (tokens: number): { inputs: number; targets: number } => {
    const { numNoise, numSpans } = spanCounts(tokens, { noiseDensity, meanSpanLength });
    return { inputs: tokens - numNoise + numSpans + 1, targets: numNoise + numSpans + 1 };
  };
  let tokens = 2;
  while (lengthsOf(tokens + 1).inputs <= inputLength) tokens++;
  return { tokens, targets: lengthsOf(tokens).targets };
}

/** Ids of `<extra_id_0>`, `<extra_id_1>`, ... as far as there are any. */
function sentinelIds(tokenizer: Tokenizer): number[] {
  const ids: number[] = [];
  for (;;) {
    const id = tokenizer.tokenToId(`<extra_id_${ids.length}>`);
    if (id === undefined) break;
    ids.push(id);
  }
  if (ids.length > 0) return ids;
  throw new DataError('special-token', 'spanCorruption: the tokenizer has no tokens <extra_id_0>, <extra_id_1>, ...');
}

function spanCounts(
  length: number,
  { noiseDensity, meanSpanLength }: Required<SpanOptions>,
): { numNoise: number; numSpans: number } {
  const numNoise = Math.min(Math.max(roundHalfToEven(length * noiseDensity), 1), length - 1);
  const numSpans = Math.max(roundHalfToEven(numNoise / meanSpanLength), 1);
  return { numNoise, numSpans: Math.min(numSpans, numNoise, length - numNoise) };
}

/** As Python and NumPy round. */
function roundHalfToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** `total` as a sum of `count` whole numbers from 1, every such sum equally likely. */
function randomParts(total: number, count: number, random: RandomStream): number[] {
  const cuts = random
    .shuffle(Uint32Array.from({ length: total - 1 }, (_, i) => i + 1))
    .slice(0, count - 1)
    .sort();
  return [...cuts, total].map((cut, i) => cut - (i === 0 ? 0 : (cuts[i - 1] ?? 0)));
}

function checkSpans({ noiseDensity, meanSpanLength }: Required<SpanOptions>, where: string): void {
  if (!(noiseDensity > 0 && noiseDensity < 1))
    throw new ConfigError(`${where}: noiseDensity must be a share in (0, 1), got ${noiseDensity}`);
  if (!(meanSpanLength >= 1))
    throw new ConfigError(`${where}: meanSpanLength must be 1 or more, got ${meanSpanLength}`);
}
