import { GPT, type GPTCallOptions, GPTForSequenceClassification, GPTModel } from '@formers/gpt';
import { classificationLoss, nextTokens, problemTypeOf } from '@formers/nn';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';

import type { ModelAdapter, NamedTensors } from './adapter.ts';

const ids = (inputs: NamedTensors): Tensor2D => inputs['input_ids'] as Tensor2D;

function callOptions({ attention_mask: attentionMask, position_ids: positionIds }: NamedTensors): GPTCallOptions {
  return { attentionMask: attentionMask as Tensor2D | undefined, positionIds: positionIds as Tensor2D | undefined };
}

const decoder: ModelAdapter<GPTModel> = {
  inputs: ['input_ids', 'attention_mask', 'position_ids'],
  load: (folder) => GPTModel.fromPretrained(folder),
  run: (model, inputs) => ({ last_hidden_state: model.call(ids(inputs), callOptions(inputs)) }),
  loss: () => {
    throw new Error('GPT2Model has no loss');
  },
};

const languageModel: ModelAdapter<GPT> = {
  isDecoder: true,
  inputs: ['input_ids', 'attention_mask', 'position_ids', 'labels'],
  load: (folder) => GPT.fromPretrained(folder),
  run: (model, inputs) => ({ logits: model.call(ids(inputs), callOptions(inputs)) }),
  loss: (model, inputs) =>
    model.loss(ids(inputs), { ...callOptions(inputs), targets: nextTokens(inputs['labels'] as Tensor2D) }),
};

const classifier: ModelAdapter<GPTForSequenceClassification> = {
  inputs: ['input_ids', 'attention_mask', 'position_ids', 'labels'],
  load: (folder) => GPTForSequenceClassification.fromPretrained(folder),
  run: (model, inputs) => ({ logits: model.call(ids(inputs), callOptions(inputs)) }),
  loss: (model, inputs) => {
    const labels = inputs['labels'] as Tensor;
    return classificationLoss(model.call(ids(inputs), callOptions(inputs)), {
      labels,
      problemType: problemTypeOf(model.config, labels),
    });
  },
};

/** The GPT family. */
export const GPT_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['GPT2Model', decoder as ModelAdapter],
  ['GPT2LMHeadModel', languageModel as ModelAdapter],
  ['GPT2ForSequenceClassification', classifier as ModelAdapter],
];
