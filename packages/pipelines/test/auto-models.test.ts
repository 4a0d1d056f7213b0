import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { expectError, fixture, hasFixtures, useEngineForTests } from '../../testing/src/index.ts';
import {
  AutoConfig,
  AutoImageProcessor,
  AutoModel,
  AutoModelForCausalLM,
  AutoModelForImageClassification,
  AutoModelForMaskedImageModeling,
  AutoModelForMaskedLM,
  AutoModelForMultipleChoice,
  AutoModelForNextSentencePrediction,
  AutoModelForPreTraining,
  AutoModelForQuestionAnswering,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoModelForTextEncoding,
  AutoModelForTokenClassification,
  AutoTokenizer,
} from '../src/index.ts';
import { modelFiles } from './support/goldens.ts';

useEngineForTests();

test('an unknown model_type: the error lists what is known', async () => {
  const files = await modelFiles('bert', { model_type: 'llama' });
  await expectError(() => AutoModelForMaskedLM.fromPretrained(files), {
    code: 'config',
    message: /AutoModelForMaskedLM: .*model_type must be one of bart, bert, distilbert, roberta, got "llama"/,
  });
  await expectError(() => AutoConfig.fromPretrained(files), { code: 'config', message: /one of bart, bert.*"llama"/ });
});

test('names of the prototype are no model types', async () => {
  const files = await modelFiles('bert', { model_type: 'constructor' });
  await expectError(() => AutoModel.fromPretrained(files), { code: 'config', message: /got "constructor"/ });
});

test('a config.json without model_type', async () => {
  const files = await modelFiles('bert', { model_type: undefined });
  await expectError(() => AutoModel.fromPretrained(files), { code: 'config', message: /must have a model_type/ });
});

test('AutoModel has a pooler where the checkpoint has one', async () => {
  using pooled = await AutoModel.fromPretrained(await modelFiles('bert'));
  using bare = await AutoModel.fromPretrained(await modelFiles('roberta'));
  expect([pooled.constructor.name, bare.constructor.name]).toEqual(['BertModel', 'RobertaModel']);
  expect(pooled.namedParameters().has('pooler.dense.weight')).toBe(true);
  expect(bare.namedParameters().has('pooler.dense.weight')).toBe(false);
});

test('one checkpoint, several heads', async () => {
  const heads = [AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoModelForTokenClassification];
  const names: string[] = [];
  for (const head of heads) {
    using model = await head.fromPretrained(await modelFiles('bert'));
    names.push(model.constructor.name);
  }
  expect(names).toEqual(['BertForMaskedLM', 'BertForSequenceClassification', 'BertForTokenClassification']);
});

test('AutoModelForTextEncoding takes the encoder of T5, AutoModel what was saved', async () => {
  using encoder = await AutoModelForTextEncoding.fromPretrained(await modelFiles('t5'));
  using whole = await AutoModel.fromPretrained(await modelFiles('t5'));
  expect([encoder.constructor.name, whole.constructor.name]).toEqual(['T5EncoderModel', 'T5Model']);
});

test('a new head', async () => {
  using model = await AutoModelForMultipleChoice.fromPretrained(await modelFiles('roberta', {}), {
    newHead: true,
    seed: 1,
  });
  expect(model.constructor.name).toBe('RobertaForMultipleChoice');
});

test('AutoConfig reads the config of a family', async () => {
  const { modelType, architectures, config, json } = await AutoConfig.fromPretrained(await modelFiles('bert'));
  expect([modelType, architectures]).toEqual(['bert', ['BertForMaskedLM']]);
  expect(config).toMatchObject({
    vocabSize: 900,
    contextLength: 40,
    labels: ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC'],
  });
  expect(json['hidden_size']).toBe(8);
});

test('AutoTokenizer and AutoImageProcessor', async () => {
  expect((await AutoTokenizer.fromPretrained(await modelFiles('bert'))).vocabSize).toBe(900);
  expect((await AutoImageProcessor.fromPretrained(await modelFiles('vit'))).config.imageMean).toEqual([0.5, 0.4, 0.3]);
});

test("timm's config.json makes an image processor", async () => {
  const pretrained = {
    input_size: [3, 28, 28],
    crop_pct: 0.875,
    interpolation: 'bicubic',
    mean: [0.1, 0.2, 0.3],
    std: [1, 2, 3],
  };
  const config = JSON.stringify({ architecture: 'vit_tiny_patch16_224', pretrained_cfg: pretrained });
  const { config: found } = await AutoImageProcessor.fromPretrained(
    new Map([['config.json', new TextEncoder().encode(config)]]),
  );
  expect(found).toMatchObject({ size: { shortestEdge: 32 }, cropSize: { height: 28, width: 28 }, resample: 'bicubic' });
  expect(found).toMatchObject({ doConvertRgb: false, imageMean: [0.1, 0.2, 0.3], imageStd: [1, 2, 3] });
});

/** Which of the classes opens what was saved as a class of Hugging Face. */
const OPENERS: readonly [pattern: RegExp, auto: { fromPretrained(location: string): Promise<Disposable> }][] = [
  [/ForPreTraining$/, AutoModelForPreTraining],
  [/ForMaskedLM$/, AutoModelForMaskedLM],
  [/(LMHeadModel|ForCausalLM)$/, AutoModelForCausalLM],
  [/(ForConditionalGeneration|MTModel)$/, AutoModelForSeq2SeqLM],
  [/ForSequenceClassification$/, AutoModelForSequenceClassification],
  [/ForTokenClassification$/, AutoModelForTokenClassification],
  [/ForQuestionAnswering$/, AutoModelForQuestionAnswering],
  [/ForMultipleChoice$/, AutoModelForMultipleChoice],
  [/ForNextSentencePrediction$/, AutoModelForNextSentencePrediction],
  [/ForImageClassification(WithTeacher)?$|^timm/, AutoModelForImageClassification],
  [/ForMaskedImageModeling$/, AutoModelForMaskedImageModeling],
  [/Model$/, AutoModel],
];

describe.skipIf(!hasFixtures())('models of ../shared/fixtures (skipped where it is missing)', () => {
  const names = hasFixtures() ? readdirSync(fixture('models')) : [];

  test.each(names)('%s opens, or its model_type is unknown', async (name) => {
    const folder = fixture('models', name);
    const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
    const [architecture = config['architecture']] = (config['architectures'] ?? []) as string[];
    const opener = OPENERS.find(([pattern]) => pattern.test(String(architecture)))?.[1];
    const isKnown = AutoConfig.modelTypes.includes(String(config['model_type'])) || name.startsWith('timm');
    if (!isKnown || !opener) {
      await expectError(() => AutoModel.fromPretrained(folder), { code: 'config', message: /model_type/ });
      return;
    }
    using model = await opener.fromPretrained(folder);
    const found = (model as { format?: { architecture: string } }).format?.architecture;
    if (!name.startsWith('timm')) expect(found).toBe(architecture);
  });
});
