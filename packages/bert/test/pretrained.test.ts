import { capture } from '@formers/backend';
import { dispose, type Tensor, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';

import { expectClose, pretrainedProperties, readGoldens, useEngineForTests } from '../../testing/src/index.ts';
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
  RobertaForMaskedLM,
  RobertaForMultipleChoice,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
  RobertaModel,
} from '../src/index.ts';

useEngineForTests();

const folderOf = (name: string): URL => new URL(`fixtures/${name}-mlm/`, import.meta.url);
const ids = (): Tensor2D =>
  tensor2d(
    [
      [5, 9, 30, 42, 7],
      [8, 8, 2, 11, 40],
    ],
    [2, 5],
    'int32',
  );
const layer = (name: string): string[] => [`${name}.weight`, `${name}.bias`];
const oldNorms = (name: string): string =>
  name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta');

pretrainedProperties<BertForMaskedLM>({
  name: 'BERT',
  folder: folderOf('bert'),
  load: (files, options) => BertForMaskedLM.fromPretrained(files, options),
  run: (model) => model.call(ids()),
  basePrefix: 'bert.',
  change: {
    ours: { dropout: 0.25, classifierDropout: 0.5, padTokenId: 3 },
    theirs: { hidden_dropout_prob: 0.25, classifier_dropout: 0.5, pad_token_id: 3 },
  },
  ignored: {
    'bert.embeddings.position_ids': [1, 14],
    'cls.predictions.decoder.weight': [43, 16],
    'cls.predictions.decoder.bias': [43],
    'bert.pooler.dense.weight': [16, 16],
    'bert.pooler.dense.bias': [16],
    'cls.seq_relationship.weight': [2, 16],
    'cls.seq_relationship.bias': [2],
  },
  oldName: oldNorms,
  refused: [
    [{ is_decoder: true }, 'is_decoder and add_cross_attention must be false'],
    [{ is_decoder: true, add_cross_attention: true }, 'is_decoder and add_cross_attention must be false'],
    [{ position_embedding_type: 'relative_key' }, 'position_embedding_type must be "absolute", got "relative_key"'],
    [{ hidden_act: 'snake' }, 'got "snake"'],
    [{ num_attention_heads: 3 }, 'dim must be divisible by numHeads, got 16 and 3'],
    [{ type_vocab_size: 0 }, 'numTokenTypes must be a whole number'],
    [{ pad_token_id: 43 }, 'padTokenId must be from 0 to 42, got 43'],
    [{ hidden_size: 2 ** 20, num_attention_heads: 1 }, 'a model may have up to'],
    [{ id2label: { 0: 'a', 2: 'b' } }, 'id2label must name the ids 0 to 1, got none for 1'],
  ],
  newHeads: [
    {
      name: 'BertForSequenceClassification',
      load: (files, options) => BertForSequenceClassification.fromPretrained(files, options),
      missing: [...layer('bert.pooler.dense'), ...layer('classifier')],
      hasLabels: true,
    },
    {
      name: 'BertForTokenClassification',
      load: (files, options) => BertForTokenClassification.fromPretrained(files, options),
      missing: layer('classifier'),
      hasLabels: true,
    },
    {
      name: 'BertForQuestionAnswering',
      load: (files, options) => BertForQuestionAnswering.fromPretrained(files, options),
      missing: layer('qa_outputs'),
      hasLabels: false,
    },
    {
      name: 'BertForMultipleChoice',
      load: (files, options) => BertForMultipleChoice.fromPretrained(files, options),
      missing: [...layer('bert.pooler.dense'), ...layer('classifier')],
      hasLabels: false,
    },
    {
      name: 'BertForNextSentencePrediction',
      load: (files, options) => BertForNextSentencePrediction.fromPretrained(files, options),
      missing: [...layer('bert.pooler.dense'), ...layer('cls.seq_relationship')],
      hasLabels: false,
    },
  ],
});

pretrainedProperties<RobertaForMaskedLM>({
  name: 'RoBERTa',
  folder: folderOf('roberta'),
  load: (files, options) => RobertaForMaskedLM.fromPretrained(files, options),
  run: (model) => model.call(ids()),
  basePrefix: 'roberta.',
  change: { ours: { attentionDropout: 0.25 }, theirs: { attention_probs_dropout_prob: 0.25 } },
  ignored: {
    'roberta.embeddings.position_ids': [1, 14],
    'lm_head.decoder.weight': [43, 16],
    'lm_head.decoder.bias': [43],
    'roberta.pooler.dense.weight': [16, 16],
    'roberta.pooler.dense.bias': [16],
  },
  refused: [
    [{ is_decoder: true }, 'is_decoder and add_cross_attention must be false'],
    [{ pad_token_id: null }, 'pad_token_id must be a token of its own'],
    [{ max_position_embeddings: 2 }, 'max_position_embeddings must be over 2, got 2'],
  ],
  newHeads: [
    {
      name: 'RobertaForSequenceClassification',
      load: (files, options) => RobertaForSequenceClassification.fromPretrained(files, options),
      missing: [...layer('classifier.dense'), ...layer('classifier.out_proj')],
      hasLabels: true,
    },
    {
      name: 'RobertaForTokenClassification',
      load: (files, options) => RobertaForTokenClassification.fromPretrained(files, options),
      missing: layer('classifier'),
      hasLabels: true,
    },
    {
      name: 'RobertaForQuestionAnswering',
      load: (files, options) => RobertaForQuestionAnswering.fromPretrained(files, options),
      missing: layer('qa_outputs'),
      hasLabels: false,
    },
    {
      name: 'RobertaForMultipleChoice',
      load: (files, options) => RobertaForMultipleChoice.fromPretrained(files, options),
      missing: [...layer('roberta.pooler.dense'), ...layer('classifier')],
      hasLabels: false,
    },
  ],
});

pretrainedProperties<DistilBertForMaskedLM>({
  name: 'DistilBERT',
  folder: folderOf('distilbert'),
  load: (files, options) => DistilBertForMaskedLM.fromPretrained(files, options),
  run: (model) => model.call(ids()),
  basePrefix: 'distilbert.',
  change: { ours: { answerDropout: 0.25 }, theirs: { qa_dropout: 0.25 } },
  ignored: { 'distilbert.embeddings.position_ids': [1, 14], 'vocab_projector.weight': [43, 16] },
  refused: [[{ n_heads: 3 }, 'dim must be divisible by numHeads, got 16 and 3']],
  newHeads: [
    {
      name: 'DistilBertForSequenceClassification',
      load: (files, options) => DistilBertForSequenceClassification.fromPretrained(files, options),
      missing: [...layer('pre_classifier'), ...layer('classifier')],
      hasLabels: true,
    },
    {
      name: 'DistilBertForTokenClassification',
      load: (files, options) => DistilBertForTokenClassification.fromPretrained(files, options),
      missing: layer('classifier'),
      hasLabels: true,
    },
    {
      name: 'DistilBertForQuestionAnswering',
      load: (files, options) => DistilBertForQuestionAnswering.fromPretrained(files, options),
      missing: layer('qa_outputs'),
      hasLabels: false,
    },
    {
      name: 'DistilBertForMultipleChoice',
      load: (files, options) => DistilBertForMultipleChoice.fromPretrained(files, options),
      missing: [...layer('pre_classifier'), ...layer('classifier')],
      hasLabels: false,
    },
  ],
});

describe.each([
  { name: 'bert', load: (folder: string) => BertForMaskedLM.fromPretrained(folder) },
  { name: 'roberta', load: (folder: string) => RobertaForMaskedLM.fromPretrained(folder) },
  { name: 'distilbert', load: (folder: string) => DistilBertForMaskedLM.fromPretrained(folder) },
])('the fixture $name', ({ name, load }) => {
  let goldens: Map<string, Tensor>;
  test('has the logits, hidden states and attentions of Transformers', async () => {
    using model = await load(folderOf(name).pathname);
    goldens = await readGoldens(new URL('outputs.safetensors', folderOf(name)));
    const inputs = await readGoldens(new URL('inputs.safetensors', folderOf(name)));
    const attentionMask = inputs.get('attention_mask') as Tensor2D;
    const { value, hiddenStates, attentions } = capture(() =>
      model.call(inputs.get('input_ids') as Tensor2D, { attentionMask }),
    );
    const close = (found: Tensor, key: string): void =>
      expectClose(found, goldens.get(key)!, { rtol: 1e-4, atol: 1e-5 });
    close(value, 'logits');
    hiddenStates.forEach((state, i) => close(state, `hidden_states.${i}`));
    attentions.forEach((map, i) => close(map, `attentions.${i}`));
    expect([hiddenStates.length, attentions.length]).toEqual([3, 2]);
    dispose([value, ...hiddenStates, ...attentions]);
  });
});

describe('the bare model', () => {
  const files = new Map<string, Uint8Array>();
  beforeAll(async () => {
    using model = await BertForMaskedLM.fromPretrained(folderOf('bert').pathname);
    await model.savePretrained(files);
  });

  test.each([BertModel, RobertaModel])('%o of a masked language model has no pooler, or a fresh one', async (Model) => {
    const folder = folderOf(Model === BertModel ? 'bert' : 'roberta').pathname;
    await expect(Model.fromPretrained(folder)).rejects.toThrow('pooler.dense.weight');
    using bare = await Model.fromPretrained(folder, { pooler: false });
    using fresh = await Model.fromPretrained(folder, { newHead: true, seed: 3 });
    const [without, withPooler] = [bare.call(ids()), fresh.call(ids())];
    expect(without.pooled).toBeUndefined();
    expect(withPooler.pooled?.shape).toEqual([2, 16]);
    expectClose(without.hidden, withPooler.hidden);
    const written = new Map<string, Uint8Array>();
    await fresh.savePretrained(written);
    using whole = await Model.fromPretrained(written);
    expectClose(whole.call(ids()).pooled!, withPooler.pooled!);
    using none = await Model.fromPretrained(written, { pooler: false }); // which the file has
    expect(none.pooler).toBeUndefined();
  });

  test('opens from every head`s folder, and every head from a pre-training folder', async () => {
    using preTraining = await BertForPreTraining.fromPretrained(files, { newHead: true });
    expect(preTraining.origin?.fresh.toSorted()).toEqual(
      [...layer('bert.pooler.dense'), ...layer('cls.seq_relationship')].toSorted(),
    );
    const whole = new Map<string, Uint8Array>();
    await preTraining.savePretrained(whole);
    using base = await BertModel.fromPretrained(whole);
    expectClose(base.call(ids()).hidden, preTraining.encoder.call(ids()));
    using words = await BertForMaskedLM.fromPretrained(whole);
    expectClose(words.call(ids()), preTraining.call(ids()).wordLogits);
    expect(words.origin?.unused).toEqual(layer('cls.seq_relationship').toSorted());
    using nextSentence = await BertForNextSentencePrediction.fromPretrained(whole);
    expectClose(nextSentence.call(ids()), preTraining.call(ids()).nextSentenceLogits);
  });
});
