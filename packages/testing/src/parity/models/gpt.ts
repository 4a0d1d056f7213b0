import { GPT, type GPTCallOptions, GPTForSequenceClassification, GPTModel } from '@formers/gpt';
import { classificationLoss } from '@formers/nn';
import { concat, fill, slice, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core';

import type { ModelAdapter, NamedTensors } from './adapter.ts';
import { problemTypeOf } from './problem-type.ts';

const ids = (inputs: NamedTensors): Tensor2D => inputs['input_ids'] as Tensor2D;

function callOptions({ attention_mask: attentionMask, position_ids: positionIds }: NamedTensors): GPTCallOptions {
  return { attentionMask: attentionMask as Tensor2D | undefined, positionIds: positionIds as Tensor2D | undefined };
}

/** Labels that stand under their own token, moved under the token before it. */
function nextTokens(labels: Tensor2D): Tensor2D {
  const [batch, seq] = labels.shape;
  return concat([slice(labels, [0, 1], [batch, seq - 1]), fill([batch, 1], -100, 'int32') as Tensor2D], 1);
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
      problemType: problemTypeOf(model, { labels, numLabels: model.config.numLabels }),
    });
  },
};

/** The GPT family. */
export const GPT_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['GPT2Model', decoder as ModelAdapter],
  ['GPT2LMHeadModel', languageModel as ModelAdapter],
  ['GPT2ForSequenceClassification', classifier as ModelAdapter],
];
