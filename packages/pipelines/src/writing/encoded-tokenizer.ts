import type { GenerationTokenizer } from '@formers/generation';
import type { Tokenizer } from '@formers/tokenizers';

/** A tokenizer for streams of prompts that are encoded already: it knows each by its number. */
export function encodedTokenizer(tokenizer: Tokenizer, prompts: readonly Int32Array[]): GenerationTokenizer {
  return {
    eosTokenId: tokenizer.eosTokenId,
    encode: (number) => ({ ids: prompts[Number(number)] ?? new Int32Array() }),
    decode: (ids, options) => tokenizer.decode(ids, options),
    decodeStream: (options) => tokenizer.decodeStream(options),
  };
}
