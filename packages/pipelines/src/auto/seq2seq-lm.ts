import type { BART } from '@formers/bart';
import type { T5 } from '@formers/t5';
import type { Marian, Transformer } from '@formers/transformer';

import { autoModel, type AutoModelClass } from './auto-model.ts';

/** An encoder-decoder that writes texts. */
export type AnySeq2SeqLM = BART | Marian | T5 | Transformer;

/** Opens encoder-decoders that write texts: source ids [batch, seq] to logits [batch, decoderSeq, vocab]. */
export const AutoModelForSeq2SeqLM: AutoModelClass<AnySeq2SeqLM> = /* @__PURE__ */ autoModel<AnySeq2SeqLM>(
  'AutoModelForSeq2SeqLM',
  {
    bart: async () => (await import('@formers/bart')).BART,
    marian: async () => (await import('@formers/transformer')).Marian,
    t5: async () => (await import('@formers/t5')).T5,
    'torch.nn.Transformer': async () => (await import('@formers/transformer')).Transformer,
  },
);
