import { Decoder, type DecoderRow } from './decoder.ts';
import type { CausalLanguageModel } from './model.ts';
import { logSoftmax } from './probabilities.ts';

/** What a {@link GuidedDecoder} is told besides what a decoder is. */
export interface Guidance {
  /** Above 1 follows the prompt more closely. */
  readonly scale: number;
  /** What the model sees instead of each prompt, by the number of the prompt. */
  readonly contexts: readonly (readonly number[])[];
  /** How many ids each prompt has, padding included. */
  readonly promptLengths: readonly number[];
}

/**
 * Classifier-free guidance (Sanchez et al. 2023, "Stay on topic with Classifier-Free Guidance", equation 7): the model also looks at the text without the prompt, and what the
 * prompt makes likelier becomes likelier still, `u + scale · (p - u)` of the logarithms of probabilities.
 */
export class GuidedDecoder extends Decoder {
  readonly #guidance: Guidance;
  readonly #unconditional: Decoder;

  constructor(
    model: CausalLanguageModel,
    { guidance, ...options }: ConstructorParameters<typeof Decoder>[1] & { guidance: Guidance },
  ) {
    super(model, options);
    this.#guidance = guidance;
    this.#unconditional = new Decoder(model, { ...options, cache: undefined });
  }

  override async nextLogits(rows: readonly DecoderRow[]): Promise<Float64Array[]> {
    const { scale, contexts, promptLengths } = this.#guidance;
    const withPrompt = await super.nextLogits(rows);
    const without = await this.#unconditional.nextLogits(
      rows.map(({ ids, source = 0 }) => ({
        ids: [...(contexts[source] ?? []), ...ids.slice(promptLengths[source])],
        padding: 0,
      })),
    );
    return withPrompt.map((logits, row) => {
      const [p, u] = [logSoftmax(logits), logSoftmax(without[row] as Float64Array)];
      return p.map((value, id) => (u[id] as number) + scale * (value - (u[id] as number)));
    });
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    this.#unconditional[Symbol.dispose]();
  }
}
