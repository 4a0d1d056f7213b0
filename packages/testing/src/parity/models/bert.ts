import {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForNextSentencePrediction,
  BertForPreTraining,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
  DistilBertForMaskedLM,
  DistilBertForMultipleChoice,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
  type MaskedLanguageModel,
  type MultipleChoice,
  type QuestionAnswerer,
  RobertaForMaskedLM,
  RobertaForMultipleChoice,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaModel,
  type SegmentedOptions,
  type SequenceClassifier,
  type TokenClassifier,
} from '@formers/bert';
import type { PretrainedModel } from '@formers/nn';
import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';

import type { ModelAdapter, NamedTensors } from './adapter.ts';

const ids = (inputs: NamedTensors): Tensor2D => inputs['input_ids'] as Tensor2D;

function callOptions(inputs: NamedTensors): SegmentedOptions {
  return {
    attentionMask: inputs['attention_mask'] as Tensor2D | undefined,
    positionIds: inputs['position_ids'] as Tensor2D | undefined,
    tokenTypeIds: inputs['token_type_ids'] as Tensor2D | undefined,
  };
}

/** Runs one kind of model of the family. */
interface Kind<Model> {
  /** Arguments besides those of every encoder. */
  readonly targets: readonly string[];
  readonly run: (model: Model, inputs: NamedTensors) => Record<string, Tensor>;
  readonly loss: (model: Model, inputs: NamedTensors) => Scalar;
}

const noLoss = (): Scalar => {
  throw new Error('a model without a head has no loss');
};

const encoder: Kind<BertModel | RobertaModel> = {
  targets: [],
  run: (model, inputs) => {
    const { hidden, pooled } = model.call(ids(inputs), callOptions(inputs));
    return { last_hidden_state: hidden, ...(pooled && { pooler_output: pooled }) };
  },
  loss: noLoss,
};

const bareEncoder: Kind<DistilBertModel> = {
  targets: [],
  run: (model, inputs) => ({ last_hidden_state: model.call(ids(inputs), callOptions(inputs)) }),
  loss: noLoss,
};

const words: Kind<MaskedLanguageModel<object, SegmentedOptions>> = {
  targets: ['labels'],
  run: (model, inputs) => ({ logits: model.call(ids(inputs), callOptions(inputs)) }),
  loss: (model, inputs) => model.loss(ids(inputs), { ...callOptions(inputs), targets: inputs['labels'] as Tensor2D }),
};

const preTraining: Kind<BertForPreTraining> = {
  targets: ['labels', 'next_sentence_label'],
  run: (model, inputs) => {
    const { wordLogits, nextSentenceLogits } = model.call(ids(inputs), callOptions(inputs));
    return { prediction_logits: wordLogits, seq_relationship_logits: nextSentenceLogits };
  },
  loss: (model, inputs) =>
    model.loss(ids(inputs), {
      ...callOptions(inputs),
      targets: inputs['labels'] as Tensor2D,
      labels: inputs['next_sentence_label'] as Tensor1D,
    }),
};

const sequences: Kind<SequenceClassifier<BertForSequenceClassification['config'], SegmentedOptions>> = {
  targets: ['labels'],
  run: (model, inputs) => ({ logits: model.call(ids(inputs), callOptions(inputs)) }),
  loss: (model, inputs) => model.loss(ids(inputs), { ...callOptions(inputs), labels: inputs['labels'] as Tensor }),
};

const nextSentence: Kind<BertForNextSentencePrediction> = {
  targets: ['labels'],
  run: (model, inputs) => ({ logits: model.call(ids(inputs), callOptions(inputs)) }),
  loss: (model, inputs) => model.loss(ids(inputs), { ...callOptions(inputs), labels: inputs['labels'] as Tensor1D }),
};

const tokens: Kind<TokenClassifier<BertForSequenceClassification['config'], SegmentedOptions>> = {
  targets: ['labels'],
  run: (model, inputs) => ({ logits: model.call(ids(inputs), callOptions(inputs)) }),
  loss: (model, inputs) => model.loss(ids(inputs), { ...callOptions(inputs), labels: inputs['labels'] as Tensor2D }),
};

const answers: Kind<QuestionAnswerer<BertForSequenceClassification['config'], SegmentedOptions>> = {
  targets: ['start_positions', 'end_positions'],
  run: (model, inputs) => {
    const { startLogits, endLogits } = model.call(ids(inputs), callOptions(inputs));
    return { start_logits: startLogits, end_logits: endLogits };
  },
  loss: (model, inputs) =>
    model.loss(ids(inputs), {
      ...callOptions(inputs),
      starts: inputs['start_positions'] as Tensor1D,
      ends: inputs['end_positions'] as Tensor1D,
    }),
};

/** The same arguments for every choice: [batch, choices, seq]. */
function choiceOptions(inputs: NamedTensors): { [Name in keyof SegmentedOptions]?: Tensor3D | undefined } {
  return callOptions(inputs) as { [Name in keyof SegmentedOptions]?: Tensor3D | undefined };
}

const choices: Kind<MultipleChoice<BertForSequenceClassification['config'], SegmentedOptions>> = {
  targets: ['labels'],
  run: (model, inputs) => ({ logits: model.call(inputs['input_ids'] as Tensor3D, choiceOptions(inputs)) }),
  loss: (model, inputs) =>
    model.loss(inputs['input_ids'] as Tensor3D, { ...choiceOptions(inputs), labels: inputs['labels'] as Tensor1D }),
};

function adapter<Model extends PretrainedModel<never, unknown, object>>(
  load: (folder: string) => Promise<Model>,
  { targets, run, loss }: Kind<never>,
  { segments = true }: { segments?: boolean } = {},
): ModelAdapter {
  return {
    inputs: ['input_ids', 'attention_mask', 'position_ids', ...(segments ? ['token_type_ids'] : []), ...targets],
    load,
    run: run as ModelAdapter['run'],
    loss: loss as ModelAdapter['loss'],
  };
}

const distil = { segments: false };

/** BERT, RoBERTa and DistilBERT. */
export const BERT_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['BertModel', adapter((folder) => BertModel.fromPretrained(folder), encoder)],
  ['BertForPreTraining', adapter((folder) => BertForPreTraining.fromPretrained(folder), preTraining)],
  ['BertForMaskedLM', adapter((folder) => BertForMaskedLM.fromPretrained(folder), words)],
  [
    'BertForNextSentencePrediction',
    adapter((folder) => BertForNextSentencePrediction.fromPretrained(folder), nextSentence),
  ],
  [
    'BertForSequenceClassification',
    adapter((folder) => BertForSequenceClassification.fromPretrained(folder), sequences),
  ],
  ['BertForMultipleChoice', adapter((folder) => BertForMultipleChoice.fromPretrained(folder), choices)],
  ['BertForTokenClassification', adapter((folder) => BertForTokenClassification.fromPretrained(folder), tokens)],
  ['BertForQuestionAnswering', adapter((folder) => BertForQuestionAnswering.fromPretrained(folder), answers)],
  ['RobertaModel', adapter((folder) => RobertaModel.fromPretrained(folder), encoder)],
  ['RobertaForMaskedLM', adapter((folder) => RobertaForMaskedLM.fromPretrained(folder), words)],
  [
    'RobertaForSequenceClassification',
    adapter((folder) => RobertaForSequenceClassification.fromPretrained(folder), sequences),
  ],
  ['RobertaForMultipleChoice', adapter((folder) => RobertaForMultipleChoice.fromPretrained(folder), choices)],
  ['RobertaForTokenClassification', adapter((folder) => RobertaForTokenClassification.fromPretrained(folder), tokens)],
  ['RobertaForQuestionAnswering', adapter((folder) => RobertaForQuestionAnswering.fromPretrained(folder), answers)],
  ['DistilBertModel', adapter((folder) => DistilBertModel.fromPretrained(folder), bareEncoder, distil)],
  ['DistilBertForMaskedLM', adapter((folder) => DistilBertForMaskedLM.fromPretrained(folder), words, distil)],
  [
    'DistilBertForSequenceClassification',
    adapter((folder) => DistilBertForSequenceClassification.fromPretrained(folder), sequences, distil),
  ],
  [
    'DistilBertForMultipleChoice',
    adapter((folder) => DistilBertForMultipleChoice.fromPretrained(folder), choices, distil),
  ],
  [
    'DistilBertForTokenClassification',
    adapter((folder) => DistilBertForTokenClassification.fromPretrained(folder), tokens, distil),
  ],
  [
    'DistilBertForQuestionAnswering',
    adapter((folder) => DistilBertForQuestionAnswering.fromPretrained(folder), answers, distil),
  ],
];
