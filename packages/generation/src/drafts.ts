import { Decoder } from './decoder.ts';
import { EncodedModel } from './encoded-model.ts';
import { isEncoderDecoder, type LanguageModel } from './model.ts';
import { argmax, logSoftmax } from './probabilities.ts';

/** Guesses how a text goes on. */
export interface Drafts extends Disposable {
  /** Up to `most` tokens that may follow `ids`; none where there is no idea. */
  propose(ids: readonly number[], most: number): Promise<number[]>;
}

/** What a smaller model would write, as long as it is sure enough. */
export class AssistantDrafts implements Drafts {
  readonly #decoder: Decoder;
  readonly #numTokens: number;
  readonly #confidence: number;

  /** @param options.encoderPrompt What the encoder of an encoder-decoder reads. */
  constructor(
    assistant: LanguageModel,
    {
      encoderPrompt = [],
      numAssistantTokens = 20,
      assistantConfidenceThreshold = 0.4,
    }: {
      encoderPrompt?: readonly number[] | undefined;
      numAssistantTokens?: number | undefined;
      assistantConfidenceThreshold?: number | undefined;
    },
  ) {
    const model = isEncoderDecoder(assistant) ? new EncodedModel(assistant, [encoderPrompt]) : assistant;
    const drop = Math.max(1, Math.floor(assistant.config.contextLength / 2));
    this.#decoder = new Decoder(model, { cache: undefined, useCache: true, drop });
    this.#numTokens = numAssistantTokens;
    this.#confidence = assistantConfidenceThreshold;
  }

  async propose(ids: readonly number[], most: number): Promise<number[]> {
    const draft: number[] = [];
    while (draft.length < Math.min(most, this.#numTokens)) {
      const [logits] = await this.#decoder.nextLogits([{ ids: [...ids, ...draft], padding: 0 }]);
      const scores = logSoftmax(logits as Float64Array);
      const id = argmax(scores);
      if (Math.exp(scores[id] as number) < this.#confidence) break;
      draft.push(id);
    }
    return draft;
  }

  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
  }
}

/** What followed the last tokens where they stood earlier in the text (Saxena 2023, "Prompt Lookup Decoding"): long matches first, then early ones. */
export class LookupDrafts implements Drafts {
  readonly #numTokens: number;
  readonly #longest: number;

  constructor({
    promptLookupNumTokens,
    maxMatchingNgramSize = 2,
  }: {
    promptLookupNumTokens: number;
    maxMatchingNgramSize?: number | undefined;
  }) {
    this.#numTokens = promptLookupNumTokens;
    this.#longest = maxMatchingNgramSize;
  }

  propose(ids: readonly number[], most: number): Promise<number[]> {
    for (let size = Math.min(this.#longest, ids.length - 1); size > 0; size--) {
      const last = ids.slice(-size);
      for (let start = 0; start < ids.length - size; start++) {
        if (last.every((id, i) => id === ids[start + i]))
          return Promise.resolve(ids.slice(start + size, start + size + Math.min(most, this.#numTokens)));
      }
    }
    return Promise.resolve([]);
  }

  [Symbol.dispose](): void {
    // holds nothing
  }
}
