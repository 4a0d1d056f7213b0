import type { GPT, GPT1, GPTNeo } from '@formers/gpt';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A decoder that continues texts. */
export type AnyCausalLM = GPT | GPT1 | GPTNeo;

/** Opens decoders that continue texts: ids [batch, seq] to logits [batch, seq, vocab]. */
export const AutoModelForCausalLM: AutoModelClass<AnyCausalLM> = /* @__PURE__ */ autoModel<AnyCausalLM>(
  'AutoModelForCausalLM',
  {
    gpt2: async () => (await import('@formers/gpt')).GPT,
    gpt_neo: async () => (await import('@formers/gpt')).GPTNeo,
    'openai-gpt': async () => (await import('@formers/gpt')).GPT1,
  },
);
