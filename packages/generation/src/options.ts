import type { TokenCache } from './token-cache.ts';
import type { GenerationConfig } from './generation-config.ts';
import type { GenerationTokenizer, LanguageModel } from './model.ts';
import type { PrefixAllowedTokens } from './processors/constraints.ts';
import type { LogitsProcessor, TokenIds } from './processors/logits-processor.ts';

/** What a call may be told: everything of {@link GenerationConfig}, and what no file can hold. */
export interface GenerateOptions extends GenerationConfig {
  /** Defaults for this call; they go before those of the model, the other options before them. */
  readonly generationConfig?: GenerationConfig | undefined;
  /** Of the random numbers; default a new one each time. */
  readonly seed?: number | undefined;
  /** Ends the generation early; what is there is the result. */
  readonly signal?: AbortSignal | undefined;
  /** Keeps keys and values from call to call: only tokens that it doesn't hold yet are computed. Stays the caller's. */
  readonly cache?: TokenCache | undefined;
  /**
   * What happens when the text outgrows the model's context length. A number: this many of the oldest tokens are dropped at once, and the
   * model sees the rest; 1 is what nanoGPT does, but computes the whole context anew at each step. true (default): half of the context
   * length, so that the cache is of use. false: prompts that could outgrow it are refused.
   */
  readonly slide?: boolean | number | undefined;
  /**
   * A smaller model of the same vocabulary that drafts tokens, which the model checks several at a time (assisted decoding; Leviathan et al. 2023). The text is
   * the same as without, only sooner where the two mostly agree. For one prompt, without beams.
   */
  readonly assistant?: LanguageModel | undefined;
  /** Decodes new tokens; needed by `stopStrings`. */
  readonly tokenizer?: GenerationTokenizer | undefined;
  /** 1 = token, 0 = padding, for prompts that are padded on the left already; those of an encoder are padded on the right. Prompts of different lengths need none: they are padded inside. */
  readonly attentionMask?: readonly (readonly number[] | Int32Array)[] | undefined;
  /** With `guidanceScale`: what the model sees instead of each prompt; default its last token. */
  readonly negativePromptIds?: readonly TokenIds[] | undefined;
  /** How the text of an encoder-decoder begins, for each prompt; default its start token, which is put before them if none of them has it. */
  readonly decoderInputIds?: readonly TokenIds[] | undefined;
  /** The encoder's input of each prompt, for the options that look at it; an encoder-decoder knows it. */
  readonly encoderInputIds?: readonly TokenIds[] | undefined;
  /** The tokens that may come next, for each prompt and what stands there so far. */
  readonly prefixAllowedTokens?: PrefixAllowedTokens | undefined;
  /** Own processors; they run after the built-in ones and before the warpers of sampling. */
  readonly logitsProcessors?: readonly LogitsProcessor[] | undefined;
}
