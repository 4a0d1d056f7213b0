import type { EncoderDecoderCache, KVCache } from '@formers/attention';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';

import type { GenerationConfig } from './generation-config.ts';

/** What a decoder is told besides the ids. */
export interface DecoderCallOptions {
  /** int32 [batch, keys], 1 = token, 0 = padding, tokens in the cache included; left out when nothing is padding. */
  attentionMask?: Tensor2D;
  /** int32 [batch, seq]; left out when nothing is padding: positions then count on from the cache. */
  positionIds?: Tensor2D;
  /** Keys and values of earlier tokens; the model adds those of the new ones. */
  cache?: KVCache;
  /** Whether only the logits of the last position are wanted: [batch, 1, vocab]. A model may ignore it. */
  lastOnly?: boolean;
}

/** What generation needs of a model: any decoder that gives logits of the next token. */
export interface CausalLanguageModel {
  readonly config: {
    readonly vocabSize: number;
    /** The most tokens that the model can look at; `Infinity` where nothing limits it. */
    readonly contextLength: number;
  };
  /** Defaults for this model, such as its end token, as its `generation_config.json` gives them. */
  readonly generationConfig?: GenerationConfig | undefined;
  /** What it was loaded from: the bytes of `generation_config.json` are read where `generationConfig` is not set. */
  readonly origin?: { readonly generationConfig?: Uint8Array | undefined } | undefined;
  /** int32 [batch, seq] to logits [batch, seq, vocab]; the result is the caller's. */
  call(ids: Tensor2D, options?: DecoderCallOptions): Tensor3D;
}

/** What the decoder of an encoder-decoder is told besides the ids. */
export interface EncodedCallOptions extends Pick<DecoderCallOptions, 'lastOnly'> {
  /** What the encoder made of its input: [batch, seq, dim]. */
  encoded: Tensor3D;
  /** int32 [batch, seq] of the encoder's input, 1 = token, 0 = padding; left out when nothing is padding. */
  attentionMask?: Tensor2D;
  /** int32 [batch, keys] of the decoder's tokens, those in the cache included; left out when nothing is padding. */
  decoderAttentionMask?: Tensor2D;
  /** Keys and values of earlier tokens, and those of the encoder's output. */
  cache?: EncoderDecoderCache;
}

/** What generation needs of a model with an encoder, which reads the prompt, and a decoder, which writes. */
export interface EncoderDecoderLanguageModel extends Pick<CausalLanguageModel, 'generationConfig' | 'origin'> {
  readonly config: CausalLanguageModel['config'] & {
    /** The token that every text begins with. */
    readonly decoderStartTokenId?: number | undefined;
  };
  /** int32 [batch, seq] to [batch, seq, dim]; the result is the caller's. */
  encode(ids: Tensor2D, options?: { attentionMask?: Tensor2D }): Tensor3D;
  /** int32 [batch, decoderSeq] to logits [batch, decoderSeq, vocab]; the result is the caller's. */
  decode(decoderIds: Tensor2D, options: EncodedCallOptions): Tensor3D;
}

/** A model that writes. */
export type LanguageModel = CausalLanguageModel | EncoderDecoderLanguageModel;

/** Whether a model reads its prompt with an encoder. */
export function isEncoderDecoder(model: LanguageModel): model is EncoderDecoderLanguageModel {
  return 'encode' in model && 'decode' in model;
}

/** Turns ids into text one by one: `push` gives what an id completes, `end` what is left. */
export interface TextDecoder {
  push(id: number): string;
  end(): string;
}

/** What generation needs of a tokenizer, as `@formers/tokenizers` has it. */
export interface GenerationTokenizer {
  readonly eosTokenId?: number | undefined;
  encode(text: string): { readonly ids: readonly number[] | Int32Array };
  decode(ids: readonly number[], options?: { skipSpecialTokens?: boolean }): string;
  decodeStream(options?: { skipSpecialTokens?: boolean }): TextDecoder;
}
