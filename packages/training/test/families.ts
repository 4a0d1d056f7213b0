import { BART } from '@formers/bart';
import { BertForMaskedLM } from '@formers/bert';
import { GPT } from '@formers/gpt';
import type { PretrainedModel } from '@formers/nn';
import { T5 } from '@formers/t5';
import { Transformer } from '@formers/transformer';
import { ViTForImageClassification } from '@formers/vit';
import { cast, div, reshape, type Scalar, tensor1d, type Tensor2D, tidy } from '@tensorflow/tfjs-core';

/** A small model of a family, with dropout, and its loss on a batch of ids [2, 5] below 11. */
export interface Family<Model = PretrainedModel<never, unknown, object>> {
  readonly create: () => Model;
  readonly open: (folder: string) => Promise<Model>;
  readonly loss: (model: Model, ids: Tensor2D) => Scalar;
}

const shape = { vocabSize: 11, contextLength: 5, dim: 4, numHeads: 2, numLayers: 2, hiddenDim: 6, dropout: 0.1 };
const { vocabSize, contextLength: _, ...imageShape } = shape;

export const families: Record<'gpt' | 'bert' | 't5' | 'bart' | 'transformer' | 'vit', Family> = {
  gpt: family({
    create: () => new GPT(shape, { seed: 1 }),
    open: (folder) => GPT.fromPretrained(folder),
    loss: (model, ids) => model.loss(ids, { targets: ids }),
  }),
  bert: family({
    create: () => new BertForMaskedLM(shape, { seed: 1 }),
    open: (folder) => BertForMaskedLM.fromPretrained(folder),
    loss: (model, ids) => model.loss(ids, { targets: ids }),
  }),
  t5: family({
    create: () => new T5({ ...imageShape, vocabSize, headDim: 2 }, { seed: 1 }),
    open: (folder) => T5.fromPretrained(folder),
    loss: (model, ids) => model.loss(ids, { targets: ids }),
  }),
  bart: family({
    create: () => new BART(shape, { seed: 1 }),
    open: (folder) => BART.fromPretrained(folder),
    loss: (model, ids) => model.loss(ids, { targets: ids }),
  }),
  transformer: family({
    create: () => new Transformer(shape, { seed: 1 }),
    open: (folder) => Transformer.fromPretrained(folder),
    loss: (model, ids) => model.loss(ids, { targets: ids }),
  }),
  vit: family({
    create: () =>
      new ViTForImageClassification(
        { ...imageShape, imageSize: [2, 5], patchSize: [1, 5], numChannels: 1, labels: ['a', 'b', 'c'] },
        { seed: 1 },
      ),
    open: (folder) => ViTForImageClassification.fromPretrained(folder),
    loss: (model, ids) =>
      tidy(() => {
        const images = reshape(div(cast(ids, 'float32'), 11), [1, 1, 2, 5]); // the whole batch as one image
        return model.loss(images as never, { labels: tensor1d([1], 'int32') });
      }),
  }),
};

function family<Model>(own: Family<Model>): Family {
  return own as unknown as Family;
}
