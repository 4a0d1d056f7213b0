import type { JsonObject } from '@formers/checkpoints';

import type { DecoderConfig } from './decoder-config.ts';

/**
 * The special tokens of a config.json. Some name several end tokens: the first counts here, generation reads them all from generation_config.json. What is
 * no id is refused by the check of the whole config.
 */
export function tokenIdsFromHuggingFace(json: JsonObject): JsonObject {
  const { bos_token_id: bosTokenId = null, eos_token_id: ends = null, pad_token_id: padTokenId = null } = json;
  const eosTokenId = (Array.isArray(ends) ? ends[0] : ends) ?? null;
  return {
    ...(bosTokenId !== null && { bosTokenId }),
    ...(eosTokenId !== null && { eosTokenId }),
    ...(padTokenId !== null && { padTokenId }),
  };
}

/** The special tokens as Hugging Face spells them. */
export function tokenIdsToHuggingFace({ bosTokenId, eosTokenId, padTokenId }: DecoderConfig): JsonObject {
  return {
    bos_token_id: bosTokenId ?? null,
    eos_token_id: eosTokenId ?? null,
    pad_token_id: padTokenId ?? null,
  };
}
