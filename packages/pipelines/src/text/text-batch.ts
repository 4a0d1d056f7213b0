import type { Encoding, Tokenizer } from '@formers/tokenizers';
import { type Tensor, tensor2d, type Tensor2D, tidy } from '@tensorflow/tfjs-core';

import type { ReadingModel } from './reading-model.ts';

/** Runs a model on encodings of any lengths, filled up on the right; `read` makes what is returned, and the caller's, of the output. */
export function callOnBatch<Output, Read extends Tensor>(
  model: ReadingModel<Output>,
  encodings: readonly Encoding[],
  { tokenizer, read }: { tokenizer: Tokenizer; read: (output: Output) => Read },
): Read {
  const { padTokenId = 0 } = model.config;
  return tidy(() => {
    const output = model.call(filled(encodings, { name: 'ids', value: padTokenId }), {
      attentionMask: filled(encodings, { name: 'attentionMask', value: 0 }),
      ...(hasTokenTypes(model, tokenizer) && { tokenTypeIds: filled(encodings, { name: 'typeIds', value: 0 }) }),
    });
    return read(output);
  });
}

/** How many texts may go at once: one, where the model doesn't know padding. */
export function rowsAtOnce({ config }: Pick<ReadingModel, 'config'>, batchSize: number): number {
  return config.padTokenId === undefined ? 1 : batchSize;
}

/** Whether a model has segments, and its tokenizer is meant to tell them. */
function hasTokenTypes({ config }: ReadingModel, tokenizer: Tokenizer): boolean {
  const { model_input_names: names } = tokenizer.config.toJson() as { model_input_names?: unknown };
  return (config.numTokenTypes ?? 0) > 1 && !(Array.isArray(names) && !names.includes('token_type_ids'));
}

/** int32 [batch, seq] */
function filled(
  encodings: readonly Encoding[],
  { name, value }: { name: 'attentionMask' | 'ids' | 'typeIds'; value: number },
): Tensor2D {
  const seq = Math.max(1, ...encodings.map(({ length }) => length));
  const values = new Int32Array(encodings.length * seq).fill(value);
  for (const [row, encoding] of encodings.entries()) values.set(encoding[name], row * seq);
  return tensor2d(values, [encodings.length, seq], 'int32');
}
