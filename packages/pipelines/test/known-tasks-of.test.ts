import { Transformer, TRANSFORMER_PRESETS } from '@formers/transformer';
import { expect, test } from 'vitest';

import { useEngineForTests } from '../../testing/src/index.ts';
import { AutoConfig, AutoModelForSeq2SeqLM, knownTasksOf } from '../src/index.ts';

useEngineForTests();

const folderOf = (config: object): Map<string, Uint8Array> =>
  new Map([['config.json', new TextEncoder().encode(JSON.stringify(config))]]);

test.each([
  ['bert', 'BertForMaskedLM', ['fill-mask']],
  ['bert', 'BertForPreTraining', ['fill-mask']],
  ['vit_mae', 'ViTMAEForPreTraining', []],
  ['bert', 'BertModel', []],
  ['roberta', 'RobertaForSequenceClassification', ['text-classification']],
  ['distilbert', 'DistilBertForTokenClassification', ['token-classification']],
  ['bert', 'BertForQuestionAnswering', ['question-answering']],
  ['gpt2', 'GPT2LMHeadModel', ['text-generation']],
  ['bart', 'BartForCausalLM', ['text-generation']],
  ['marian', 'MarianMTModel', ['text2text-generation', 'summarization', 'translation']],
  ['deit', 'DeiTForImageClassificationWithTeacher', ['image-classification']],
])('%s: %s', async (modelType, architecture, tasks) => {
  const config = { model_type: modelType, architectures: [architecture] };
  expect(await knownTasksOf(folderOf(config))).toEqual({ architecture, modelType, tasks });
});

test("the state dict of PyTorch's Transformer opens as what writes texts", async () => {
  using made = new Transformer({ vocabSize: 12, ...TRANSFORMER_PRESETS.testing }, { seed: 1 });
  const files = new Map<string, Uint8Array>();
  await made.savePretrained(files);
  const { architecture, tasks } = await knownTasksOf(files);
  expect([architecture, tasks[0]]).toEqual(['torch.nn.Transformer', 'text2text-generation']);
  expect((await AutoConfig.fromPretrained(files)).config).toEqual(made.config);
  using model = await AutoModelForSeq2SeqLM.fromPretrained(files);
  expect(model).toBeInstanceOf(Transformer);
  expect(model.namedParameters().get('tokens.weight')?.dataSync()).toEqual(
    made.namedParameters().get('tokens.weight')?.dataSync(),
  );
});

test('what is wrong in a config.json is told with its place', async () => {
  const config = { model_type: 'gpt2', n_embd: '128' };
  await expect(AutoConfig.fromPretrained(folderOf(config))).rejects.toThrow(
    /^memory: config\.json: GPTConfig: dim must/,
  );
});
