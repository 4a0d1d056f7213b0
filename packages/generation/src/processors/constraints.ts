import { demand, GenerationError } from '../errors.ts';
import { asList, type LogitsProcessor, setAll, type TokenIds } from './logits-processor.ts';

/** Rules out tokens at every step. */
export function suppressTokensLogitsProcessor({ suppressTokens }: { suppressTokens: TokenIds }): LogitsProcessor {
  return (_ids, logits) => setAll(logits, { ids: suppressTokens, value: -Infinity });
}

/** Rules out tokens at one step: when the text has `beginIndex` tokens. */
export function suppressTokensAtBeginLogitsProcessor({
  beginSuppressTokens,
  beginIndex,
}: {
  beginSuppressTokens: TokenIds;
  beginIndex: number;
}): LogitsProcessor {
  return (ids, logits) => {
    if (ids.length === beginIndex) setAll(logits, { ids: beginSuppressTokens, value: -Infinity });
  };
}

/** Rules out the end tokens while the text, prompt included, has less than `minLength` tokens. */
export function minLengthLogitsProcessor({
  minLength,
  eosTokenId,
}: {
  minLength: number;
  eosTokenId: number | TokenIds;
}): LogitsProcessor {
  demandLength(minLength, { where: 'minLengthLogitsProcessor', name: 'minLength' });
  return (ids, logits) => {
    if (ids.length < minLength) setAll(logits, { ids: asList(eosTokenId), value: -Infinity });
  };
}

/** Rules out the end tokens while there are less than `minNewTokens` tokens after the prompt of `promptLengthToSkip`. */
export function minNewTokensLengthLogitsProcessor({
  promptLengthToSkip,
  minNewTokens,
  eosTokenId,
}: {
  promptLengthToSkip: number;
  minNewTokens: number;
  eosTokenId: number | TokenIds;
}): LogitsProcessor {
  demandLength(minNewTokens, { where: 'minNewTokensLengthLogitsProcessor', name: 'minNewTokens' });
  return minLengthLogitsProcessor({ minLength: promptLengthToSkip + minNewTokens, eosTokenId });
}

/** Leaves only one token as the first after the start token (when the text has one token). */
export function forcedBOSTokenLogitsProcessor({ bosTokenId }: { bosTokenId: number }): LogitsProcessor {
  demandLength(bosTokenId, { where: 'forcedBOSTokenLogitsProcessor', name: 'bosTokenId' });
  return (ids, logits) => {
    if (ids.length === 1) force(logits, [bosTokenId]);
  };
}

/** Leaves only the end tokens for the last place of a text of `maxLength` tokens. */
export function forcedEOSTokenLogitsProcessor({
  maxLength,
  eosTokenId,
}: {
  maxLength: number;
  eosTokenId: number | TokenIds;
}): LogitsProcessor {
  for (const id of asList(eosTokenId)) demandLength(id, { where: 'forcedEOSTokenLogitsProcessor', name: 'eosTokenId' });
  return (ids, logits) => {
    if (ids.length === maxLength - 1) force(logits, asList(eosTokenId));
  };
}

/** The tokens that may come after `ids`; for each prompt of a batch by its number. */
export type PrefixAllowedTokens = (prompt: number, ids: readonly number[]) => TokenIds;

/**
 * Rules out all tokens but those that a function allows (De Cao et al. 2021, "Autoregressive Entity Retrieval", section 3.2). Where earlier
 * processors ruled out all of these, they become equally likely; with several beams the beam dies instead.
 *
 * @param options.prompt The number of the prompt that the row belongs to; default 0.
 * @param options.numBeams How many rows search together; default 1.
 */
export function prefixConstrainedLogitsProcessor({
  prefixAllowedTokens,
  prompt = 0,
  numBeams = 1,
}: {
  prefixAllowedTokens: PrefixAllowedTokens;
  prompt?: number | undefined;
  numBeams?: number | undefined;
}): LogitsProcessor {
  return (ids, logits) => {
    const allowed = new Set(prefixAllowedTokens(prompt, ids));
    if (allowed.size === 0) {
      throw new GenerationError(
        `prefixConstrainedLogitsProcessor: prefixAllowedTokens must allow a token, got none for prompt ${prompt}`,
      );
    }
    const isSatisfiable = allowed.values().some((id) => (logits[id] ?? -Infinity) !== -Infinity);
    if (!isSatisfiable && numBeams === 1) return force(logits, allowed);
    for (let id = 0; id < logits.length; id++) if (!allowed.has(id)) logits[id] = -Infinity;
  };
}

function force(logits: Float64Array, ids: Iterable<number>): void {
  logits.fill(-Infinity);
  setAll(logits, { ids, value: 0 });
}

function demandLength(value: number, { where, name }: { where: string; name: string }): void {
  demand(Number.isInteger(value) && value >= 0, { where, name, wanted: 'a whole number of at least 0', got: value });
}
