import { openCheckpoint, openFolder } from '@formers/checkpoints';
import {
  DeiTForImageClassification,
  DeiTForImageClassificationWithTeacher,
  DeiTForMaskedImageModeling,
  DeiTModel,
  type MaskedCallOptions,
  ViTForImageClassification,
  ViTForMaskedImageModeling,
  ViTMAEForPreTraining,
  ViTMAEModel,
  ViTModel,
  type ViTParts,
} from '@formers/vit';
import type { Scalar, Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core';

import type { ForwardArguments, ModelAdapter, NamedTensors } from './adapter.ts';
import { TIMM_ADAPTERS } from './vit-timm.ts';

const images = (inputs: NamedTensors): Tensor4D => inputs['pixel_values'] as Tensor4D;

function callOptions(
  { bool_masked_pos: mask }: NamedTensors,
  { interpolate_pos_encoding: interpolate }: ForwardArguments = {},
): MaskedCallOptions {
  return { mask: mask as Tensor2D | undefined, interpolatePositions: interpolate === true };
}

const noLoss = (): Scalar => {
  throw new Error('a model without a head, or with a teacher, has no loss in Transformers');
};

const shared = { inputs: ['pixel_values'], forwardArguments: ['interpolate_pos_encoding'], loss: noLoss };

/** Which parts the bare model in a folder has: the library's constructor can leave out the pooler and add a mask token, and no config tells. */
async function partsOf(folder: string): Promise<ViTParts> {
  const { names } = await openCheckpoint(await openFolder(folder));
  return {
    pooler: names.some((name) => name.endsWith('pooler.dense.weight')),
    maskToken: names.some((name) => name.endsWith('embeddings.mask_token')),
  };
}

function bareModel(
  fromPretrained: (folder: string, parts: ViTParts) => Promise<ViTModel | DeiTModel>,
): ModelAdapter<ViTModel | DeiTModel> {
  return {
    ...shared,
    inputs: ['pixel_values', 'bool_masked_pos'],
    load: async (folder) => fromPretrained(folder, await partsOf(folder)),
    run: (model, inputs, forwardArguments) => {
      const { hidden, pooled } = model.call(images(inputs), callOptions(inputs, forwardArguments));
      return { last_hidden_state: hidden, ...(pooled && { pooler_output: pooled }) };
    },
  };
}

function classifier(
  load: (folder: string) => Promise<ViTForImageClassification | DeiTForImageClassification>,
): ModelAdapter<ViTForImageClassification | DeiTForImageClassification> {
  return {
    ...shared,
    inputs: ['pixel_values', 'labels'],
    load,
    run: (model, inputs, forwardArguments) => ({
      logits: model.call(images(inputs), callOptions(inputs, forwardArguments)),
    }),
    loss: (model, inputs, forwardArguments) =>
      model.loss(images(inputs), { ...callOptions(inputs, forwardArguments), labels: inputs['labels'] as Tensor }),
  };
}

const classifierWithTeacher: ModelAdapter<DeiTForImageClassificationWithTeacher> = {
  ...shared,
  load: (folder) => DeiTForImageClassificationWithTeacher.fromPretrained(folder),
  run: (model, inputs, forwardArguments) => {
    const output = model.call(images(inputs), callOptions(inputs, forwardArguments));
    return {
      logits: output.logits,
      cls_logits: output.classLogits,
      distillation_logits: output.distillationLogits,
    };
  },
};

function maskedImageModel(
  load: (folder: string) => Promise<ViTForMaskedImageModeling | DeiTForMaskedImageModeling>,
): ModelAdapter<ViTForMaskedImageModeling | DeiTForMaskedImageModeling> {
  return {
    ...shared,
    inputs: ['pixel_values', 'bool_masked_pos'],
    load,
    run: (model, inputs, forwardArguments) => ({
      reconstruction: model.call(images(inputs), callOptions(inputs, forwardArguments)),
    }),
    loss: (model, inputs, forwardArguments) =>
      model.loss(images(inputs), {
        ...callOptions(inputs, forwardArguments),
        mask: inputs['bool_masked_pos'] as Tensor2D,
      }),
  };
}

const maeOptions = (inputs: NamedTensors, { interpolate_pos_encoding: interpolate }: ForwardArguments = {}) => ({
  noise: inputs['noise'] as Tensor2D | undefined,
  interpolatePositions: interpolate === true,
});

const maskedAutoencoderBase: ModelAdapter<ViTMAEModel> = {
  ...shared,
  inputs: ['pixel_values', 'noise'],
  load: (folder) => ViTMAEModel.fromPretrained(folder),
  run: (model, inputs, forwardArguments) => {
    const { hidden, mask, restoreIds } = model.call(images(inputs), maeOptions(inputs, forwardArguments));
    return { last_hidden_state: hidden, mask, ids_restore: restoreIds };
  },
};

const maskedAutoencoder: ModelAdapter<ViTMAEForPreTraining> = {
  ...shared,
  inputs: ['pixel_values', 'noise'],
  load: (folder) => ViTMAEForPreTraining.fromPretrained(folder),
  run: (model, inputs, forwardArguments) => {
    const { logits, mask, restoreIds } = model.call(images(inputs), maeOptions(inputs, forwardArguments));
    return { logits, mask, ids_restore: restoreIds };
  },
  loss: (model, inputs, forwardArguments) => model.loss(images(inputs), maeOptions(inputs, forwardArguments)),
};

/** The Vision Transformer family. */
export const VIT_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['ViTModel', bareModel((folder, parts) => ViTModel.fromPretrained(folder, parts)) as ModelAdapter],
  [
    'ViTForImageClassification',
    classifier((folder) => ViTForImageClassification.fromPretrained(folder)) as ModelAdapter,
  ],
  [
    'ViTForMaskedImageModeling',
    maskedImageModel((folder) => ViTForMaskedImageModeling.fromPretrained(folder)) as ModelAdapter,
  ],
  ['DeiTModel', bareModel((folder, parts) => DeiTModel.fromPretrained(folder, parts)) as ModelAdapter],
  [
    'DeiTForImageClassification',
    classifier((folder) => DeiTForImageClassification.fromPretrained(folder)) as ModelAdapter,
  ],
  ['DeiTForImageClassificationWithTeacher', classifierWithTeacher as ModelAdapter],
  [
    'DeiTForMaskedImageModeling',
    maskedImageModel((folder) => DeiTForMaskedImageModeling.fromPretrained(folder)) as ModelAdapter,
  ],
  ['ViTMAEModel', maskedAutoencoderBase as ModelAdapter],
  ['ViTMAEForPreTraining', maskedAutoencoder as ModelAdapter],
  ...TIMM_ADAPTERS,
];
