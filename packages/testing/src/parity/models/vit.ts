import { classificationLoss, problemTypeOf } from '@formers/nn';
import { ViTForImageClassification, ViTModel } from '@formers/vit';
import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';

import type { ModelAdapter, NamedTensors } from './adapter.ts';

const images = (inputs: NamedTensors): Tensor4D => inputs['pixel_values'] as Tensor4D;

const encoder: ModelAdapter<ViTModel> = {
  inputs: ['pixel_values'],
  forwardArguments: ['interpolate_pos_encoding'],
  load: (folder) => ViTModel.fromPretrained(folder),
  run: (model, inputs, { interpolate_pos_encoding: interpolate = false }) => {
    const { hidden, pooled } = model.call(images(inputs), { interpolatePositions: interpolate === true });
    return { last_hidden_state: hidden, pooler_output: pooled };
  },
  loss: () => {
    throw new Error('ViTModel has no loss');
  },
};

const classifier: ModelAdapter<ViTForImageClassification> = {
  inputs: ['pixel_values', 'labels'],
  forwardArguments: ['interpolate_pos_encoding'],
  load: (folder) => ViTForImageClassification.fromPretrained(folder),
  run: (model, inputs, { interpolate_pos_encoding: interpolate = false }) => ({
    logits: model.call(images(inputs), { interpolatePositions: interpolate === true }),
  }),
  loss: (model, inputs) => {
    const labels = inputs['labels'] as Tensor;
    const problemType = problemTypeOf(model.config, labels);
    return classificationLoss(model.call(images(inputs)), { labels, problemType });
  },
};

/** The Vision Transformer family. */
export const VIT_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['ViTModel', encoder as ModelAdapter],
  ['ViTForImageClassification', classifier as ModelAdapter],
];
