import type { Encoding, Tokenizer } from '@formers/tokenizers';

import { encodeTexts, maxTokens } from '../../text/encode-texts.ts';
import type { ReadingModel } from '../../text/reading-model.ts';

/** How long contexts are cut. */
export interface PartOptions {
  /** The most tokens of question and context together. */
  readonly maxSeqLen: number;
  /** How many tokens two parts share. */
  readonly docStride: number;
}

/** A question with each part of a context that is too long for the model; a question too long for it is cut. */
export function contextParts(
  { question, context }: { question: string; context: string },
  { model, tokenizer, maxSeqLen, docStride }: PartOptions & { model: ReadingModel; tokenizer: Tokenizer },
): Encoding[] {
  const maxLength = Math.min(maxSeqLen, maxTokens(model, tokenizer));
  const whole = { truncation: false, padding: false } as const;
  const numSpecial = tokenizer.encode('', { ...whole, pair: '' }).length;
  const { offsets } = tokenizer.encode(question, { ...whole, addSpecialTokens: false });
  const most = Math.max(1, Math.floor((maxLength - numSpecial) / 2)); // at least half is for the context
  const fits = offsets.length + numSpecial < maxLength;
  const asked = fits ? question : question.slice(0, offsets[most - 1]?.[1]);
  const room = maxLength - numSpecial - (fits ? offsets.length : most); // for the context
  const stride = docStride < room ? docStride : Math.max(0, Math.floor(room / 2));
  const [encoding] = encodeTexts([[asked, context]], {
    model,
    tokenizer,
    options: { maxLength, truncation: 'only_second', stride },
  });
  return encoding ? [encoding, ...encoding.overflowing] : [];
}
