import type { BARTForCausalLM } from '@formers/bart';
import type { GPT, GPT1, GPTNeo } from '@formers/gpt';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** A decoder that continues texts. */
export type AnyCausalLM = BARTForCausalLM | GPT | GPT1 | GPTNeo;

/** Opens decoders that continue texts: ids [batch, seq] to logits [batch, seq, vocab]. */
export const AutoModelForCausalLM: AutoModelClass<AnyCausalLM> = /* @__PURE__ */ autoModel<AnyCausalLM>(
  'AutoModelForCausalLM',
  {
    bart: async () => (await import('@formers/bart')).BARTForCausalLM,
    gpt2: async () => (await import('@formers/gpt')).GPT,
    gpt_neo: async () => (await import('@formers/gpt')).GPTNeo,
    'openai-gpt': async () => (await import('@formers/gpt')).GPT1,
  },
);
