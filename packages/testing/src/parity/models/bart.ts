import { capture } from '@formers/backend';
import {
  BART,
  type BARTCallOptions,
  BARTForCausalLM,
  BARTForQuestionAnswering,
  BARTForSequenceClassification,
  BARTModel,
} from '@formers/bart';
import { dispose, type Tensor, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';

import type { ModelAdapter, NamedTensors } from './adapter.ts';

const SOURCE = ['input_ids', 'attention_mask'];
const TARGET = ['decoder_input_ids', 'decoder_attention_mask'];

const ids = (inputs: NamedTensors): Tensor2D => inputs['input_ids'] as Tensor2D;

function callOptions(inputs: NamedTensors): BARTCallOptions {
  return {
    decoderIds: inputs['decoder_input_ids'] as Tensor2D | undefined,
    attentionMask: inputs['attention_mask'] as Tensor2D | undefined,
    decoderAttentionMask: inputs['decoder_attention_mask'] as Tensor2D | undefined,
  };
}

/** The encoder's states, of which the pass through the whole model has reported already. */
function encodedAgain(model: BARTModel, inputs: NamedTensors): Tensor {
  const { attentionMask } = callOptions(inputs);
  return capture(() => model.encode(ids(inputs), { attentionMask }), []).value;
}

const base: ModelAdapter<BARTModel> = {
  inputs: [...SOURCE, ...TARGET],
  load: (folder) => BARTModel.fromPretrained(folder),
  run: (model, inputs) => ({
    last_hidden_state: model.call(ids(inputs), callOptions(inputs)),
    encoder_last_hidden_state: encodedAgain(model, inputs),
  }),
  loss: () => {
    throw new Error('BartModel has no loss');
  },
};

const conditionalGeneration: ModelAdapter<BART> = {
  isDecoder: true,
  inputs: [...SOURCE, ...TARGET, 'labels'],
  load: (folder) => BART.fromPretrained(folder),
  run: (model, inputs) => {
    const { decoderIds, ...options } = callOptions(inputs);
    // With labels alone, the decoder reads them shifted; without, the source.
    const shifted = decoderIds ?? model.model.shiftRight((inputs['labels'] ?? inputs['input_ids']) as Tensor2D);
    const logits = model.call(ids(inputs), { ...options, decoderIds: shifted });
    if (!decoderIds) dispose(shifted);
    return { logits, encoder_last_hidden_state: encodedAgain(model.model, inputs) };
  },
  loss: (model, inputs) => model.loss(ids(inputs), { ...callOptions(inputs), targets: inputs['labels'] as Tensor2D }),
};

const sequenceClassifier: ModelAdapter<BARTForSequenceClassification> = {
  inputs: [...SOURCE, ...TARGET, 'labels'],
  load: (folder) => BARTForSequenceClassification.fromPretrained(folder),
  run: (model, inputs) => ({
    logits: model.call(ids(inputs), callOptions(inputs)),
    encoder_last_hidden_state: encodedAgain(model.model, inputs),
  }),
  loss: (model, inputs) => model.loss(ids(inputs), { ...callOptions(inputs), labels: inputs['labels'] as Tensor }),
};

const questionAnswering: ModelAdapter<BARTForQuestionAnswering> = {
  inputs: [...SOURCE, ...TARGET, 'start_positions', 'end_positions'],
  load: (folder) => BARTForQuestionAnswering.fromPretrained(folder),
  run: (model, inputs) => {
    const { startLogits, endLogits } = model.call(ids(inputs), callOptions(inputs));
    return {
      start_logits: startLogits,
      end_logits: endLogits,
      encoder_last_hidden_state: encodedAgain(model.model, inputs),
    };
  },
  loss: (model, inputs) =>
    model.loss(ids(inputs), {
      ...callOptions(inputs),
      starts: inputs['start_positions'] as Tensor1D,
      ends: inputs['end_positions'] as Tensor1D,
    }),
};

const causal: ModelAdapter<BARTForCausalLM> = {
  isDecoder: true,
  inputs: [...SOURCE, 'labels'],
  load: (folder) => BARTForCausalLM.fromPretrained(folder),
  run: (model, inputs) => ({
    logits: model.call(ids(inputs), { attentionMask: inputs['attention_mask'] as Tensor2D | undefined }),
  }),
  loss: (model, inputs) =>
    model.loss(ids(inputs), {
      attentionMask: inputs['attention_mask'] as Tensor2D | undefined,
      targets: inputs['labels'] as Tensor2D, // not shifted: this class of the library takes what follows each token
    }),
};

/** The BART family. */
export const BART_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['BartModel', base as ModelAdapter],
  ['BartForConditionalGeneration', conditionalGeneration as ModelAdapter],
  ['BartForSequenceClassification', sequenceClassifier as ModelAdapter],
  ['BartForQuestionAnswering', questionAnswering as ModelAdapter],
  ['BartForCausalLM', causal as ModelAdapter],
];
