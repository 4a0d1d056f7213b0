import { capture } from '@formers/backend';
import {
  T5,
  type T5CallOptions,
  T5EncoderModel,
  T5ForQuestionAnswering,
  T5ForSequenceClassification,
  T5ForTokenClassification,
  T5Model,
} from '@formers/t5';
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';

import type { ModelAdapter, NamedTensors } from './adapter.ts';

const SOURCE = ['input_ids', 'attention_mask'];
const TARGET = ['decoder_input_ids', 'decoder_attention_mask'];

const ids = (inputs: NamedTensors): Tensor2D => inputs['input_ids'] as Tensor2D;

function masks(inputs: NamedTensors): Omit<T5CallOptions, 'decoderIds'> {
  return {
    attentionMask: inputs['attention_mask'] as Tensor2D | undefined,
    decoderAttentionMask: inputs['decoder_attention_mask'] as Tensor2D | undefined,
  };
}

/** What the decoder reads, where the inputs say it. */
function target(inputs: NamedTensors): Partial<T5CallOptions> {
  const decoderIds = inputs['decoder_input_ids'] as Tensor2D | undefined;
  return { ...masks(inputs), ...(decoderIds && { decoderIds }) };
}

/** The whole pass in two, so that the encoder's states are an output. */
function encodeAndDecode(model: T5 | T5Model, inputs: NamedTensors): { encoded: Tensor; decoded: Tensor } {
  const { attentionMask, decoderAttentionMask } = masks(inputs);
  const base = model instanceof T5 ? model.model : model;
  const decoderIds = inputs['decoder_input_ids'] ?? base.shiftRight(inputs['labels'] as Tensor2D);
  const encoded = model.encode(ids(inputs), { attentionMask });
  const decoded = model.decode(decoderIds as Tensor2D, { encoded, attentionMask, decoderAttentionMask });
  if (decoderIds !== inputs['decoder_input_ids']) decoderIds.dispose();
  return { encoded, decoded };
}

/** The encoder's states, of which the pass through the whole model has reported already. */
function encodedAgain(model: T5Model, inputs: NamedTensors): Tensor {
  return capture(() => model.encode(ids(inputs), masks(inputs)), []).value;
}

const noLoss = (): never => {
  throw new Error('the bare model has no loss');
};

const base: ModelAdapter<T5Model> = {
  inputs: [...SOURCE, ...TARGET],
  load: (folder) => T5Model.fromPretrained(folder),
  run: (model, inputs) => {
    const { encoded, decoded } = encodeAndDecode(model, inputs);
    return { last_hidden_state: decoded, encoder_last_hidden_state: encoded };
  },
  loss: noLoss,
};

const encoder: ModelAdapter<T5EncoderModel> = {
  inputs: SOURCE,
  load: (folder) => T5EncoderModel.fromPretrained(folder),
  run: (model, inputs) => ({ last_hidden_state: model.call(ids(inputs), masks(inputs)) }),
  loss: noLoss,
};

const conditionalGeneration: ModelAdapter<T5> = {
  isDecoder: true,
  inputs: [...SOURCE, ...TARGET, 'labels'],
  load: (folder) => T5.fromPretrained(folder),
  run: (model, inputs) => {
    const { encoded, decoded } = encodeAndDecode(model, inputs);
    return { logits: decoded, encoder_last_hidden_state: encoded };
  },
  loss: (model, inputs) => model.loss(ids(inputs), { ...target(inputs), targets: inputs['labels'] as Tensor2D }),
};

const sequenceClassifier: ModelAdapter<T5ForSequenceClassification> = {
  inputs: [...SOURCE, ...TARGET, 'labels'],
  load: (folder) => T5ForSequenceClassification.fromPretrained(folder),
  run: (model, inputs) => ({
    logits: model.call(ids(inputs), target(inputs)),
    encoder_last_hidden_state: encodedAgain(model.model, inputs),
  }),
  loss: (model, inputs) => model.loss(ids(inputs), { ...target(inputs), labels: inputs['labels'] as Tensor }),
};

const tokenClassifier: ModelAdapter<T5ForTokenClassification> = {
  inputs: [...SOURCE, 'labels'],
  load: (folder) => T5ForTokenClassification.fromPretrained(folder),
  run: (model, inputs) => ({ logits: model.call(ids(inputs), masks(inputs)) }),
  loss: (model, inputs) => model.loss(ids(inputs), { ...masks(inputs), labels: inputs['labels'] as Tensor2D }),
};

const questionAnswering: ModelAdapter<T5ForQuestionAnswering> = {
  inputs: [...SOURCE, ...TARGET, 'start_positions', 'end_positions'],
  load: (folder) => T5ForQuestionAnswering.fromPretrained(folder),
  run: (model, inputs) => {
    const { startLogits, endLogits } = model.call(ids(inputs), target(inputs));
    return {
      start_logits: startLogits,
      end_logits: endLogits,
      encoder_last_hidden_state: encodedAgain(model.model, inputs),
    };
  },
  loss: (model, inputs) =>
    model.loss(ids(inputs), {
      ...target(inputs),
      starts: inputs['start_positions'] as Tensor1D,
      ends: inputs['end_positions'] as Tensor1D,
    }),
};

/** The T5 family. */
export const T5_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['T5Model', base as ModelAdapter],
  ['T5EncoderModel', encoder as ModelAdapter],
  ['T5ForConditionalGeneration', conditionalGeneration as ModelAdapter],
  ['T5ForSequenceClassification', sequenceClassifier as ModelAdapter],
  ['T5ForTokenClassification', tokenClassifier as ModelAdapter],
  ['T5ForQuestionAnswering', questionAnswering as ModelAdapter],
];
