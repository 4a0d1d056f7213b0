import type { FolderLocation } from '@formers/checkpoints';
import {
  type DecoderConfig,
  type DecoderStack,
  GPT,
  GPT1,
  GPT1ForSequenceClassification,
  GPT1Model,
  type GPTCallOptions,
  GPTForSequenceClassification,
  GPTModel,
  GPTNeo,
  GPTNeoForSequenceClassification,
  GPTNeoModel,
  type LanguageModel,
  type SequenceClassifier,
} from '@formers/gpt';
import { classificationLoss, nextTokens, problemTypeOf } from '@formers/nn';
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';

import type { ModelAdapter, NamedTensors } from './adapter.ts';

/** A class whose models come from folders. */
interface Loads<Model> {
  fromPretrained(location: FolderLocation): Promise<Model>;
}

type AnyDecoder = DecoderStack<DecoderConfig>;

const ids = (inputs: NamedTensors): Tensor2D => inputs['input_ids'] as Tensor2D;

function callOptions({ attention_mask: attentionMask, position_ids: positionIds }: NamedTensors): GPTCallOptions {
  return { attentionMask: attentionMask as Tensor2D | undefined, positionIds: positionIds as Tensor2D | undefined };
}

function decoder<Model extends AnyDecoder>(model: Loads<Model>, name: string): ModelAdapter {
  const adapter: ModelAdapter<Model> = {
    inputs: ['input_ids', 'attention_mask', 'position_ids'],
    load: (folder) => model.fromPretrained(folder),
    run: (loaded, inputs) => ({ last_hidden_state: loaded.call(ids(inputs), callOptions(inputs)) }),
    loss: () => {
      throw new Error(`${name} has no loss`);
    },
  };
  return adapter as unknown as ModelAdapter;
}

function languageModel<Model extends LanguageModel<DecoderConfig, AnyDecoder>>(model: Loads<Model>): ModelAdapter {
  const adapter: ModelAdapter<Model> = {
    isDecoder: true,
    inputs: ['input_ids', 'attention_mask', 'position_ids', 'labels'],
    load: (folder) => model.fromPretrained(folder),
    run: (loaded, inputs) => ({ logits: loaded.call(ids(inputs), callOptions(inputs)) }),
    loss: (loaded, inputs) =>
      loaded.loss(ids(inputs), { ...callOptions(inputs), targets: nextTokens(inputs['labels'] as Tensor2D) }),
  };
  return adapter as unknown as ModelAdapter;
}

function classifier<Model extends SequenceClassifier<DecoderConfig, AnyDecoder>>(model: Loads<Model>): ModelAdapter {
  const adapter: ModelAdapter<Model> = {
    inputs: ['input_ids', 'attention_mask', 'position_ids', 'labels'],
    load: (folder) => model.fromPretrained(folder),
    run: (loaded, inputs) => ({ logits: loaded.call(ids(inputs), callOptions(inputs)) }),
    loss: (loaded, inputs) => {
      const labels = inputs['labels'] as Tensor;
      return classificationLoss(loaded.call(ids(inputs), callOptions(inputs)), {
        labels,
        problemType: problemTypeOf(loaded.config, labels),
      });
    },
  };
  return adapter as unknown as ModelAdapter;
}

/** The GPT family. */
export const GPT_ADAPTERS: readonly [string, ModelAdapter][] = [
  ['OpenAIGPTModel', decoder(GPT1Model, 'OpenAIGPTModel')],
  ['OpenAIGPTLMHeadModel', languageModel(GPT1)],
  ['OpenAIGPTForSequenceClassification', classifier(GPT1ForSequenceClassification)],
  ['GPT2Model', decoder(GPTModel, 'GPT2Model')],
  ['GPT2LMHeadModel', languageModel(GPT)],
  ['GPT2ForSequenceClassification', classifier(GPTForSequenceClassification)],
  ['GPTNeoModel', decoder(GPTNeoModel, 'GPTNeoModel')],
  ['GPTNeoForCausalLM', languageModel(GPTNeo)],
  ['GPTNeoForSequenceClassification', classifier(GPTNeoForSequenceClassification)],
];
