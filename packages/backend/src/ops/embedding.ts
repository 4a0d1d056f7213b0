import { gather, reshape, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';

/**
 * Rows of a table by id. The gradient adds up rows that were looked up more than once, always in the same order.
 *
 * @param weight [vocab, dim]
 * @param ids int32 [...]; ids are not checked here (GPUs clamp them): check arrays before they become tensors.
 * @returns [..., dim]
 */
export function embedding<R extends Tensor = Tensor>(weight: Tensor2D, ids: Tensor): R {
  return embeddingOp({ weight, ids }, { vocabSize: weight.shape[0] }) as R;
}

type Inputs = {
  readonly weight: Tensor2D;
  readonly ids: Tensor;
};

/** The op behind {@link embedding}. */
export const embeddingOp: Op<Inputs, { vocabSize: number }, Tensor> = defineOp<Inputs, { vocabSize: number }, Tensor>({
  name: 'FormersEmbedding',
  differentiable: ['weight'],
  saves: ['ids'],
  savesOutput: false,
  composition: ({ weight, ids }) =>
    tidy(() => reshape(gather(weight, reshape(ids, [-1])), [...ids.shape, weight.shape[1]])),
});
