// Prints tokens and outputs of run folders of any family as JSON, for python_round_trip.py.
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { BART } from '@formers/bart';
import { BertForMaskedLM, BertForPreTraining, RobertaForMaskedLM } from '@formers/bert';
import { cpu, useBackend } from '@formers/backend';
import { GPT } from '@formers/gpt';
import { T5 } from '@formers/t5';
import { Tokenizer } from '@formers/tokenizers';
import { findCheckpoint } from '@formers/training';
import { Transformer } from '@formers/transformer';
import { ViTForImageClassification, ViTForMaskedImageModeling, ViTMAEForPreTraining } from '@formers/vit';
import { type Tensor, type Tensor2D, tensor2d, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';

const TEXT = 'Call me Ishmael. Some years ago';

type Outputs = (folder: string, inputs: { ids: Tensor2D; images: Tensor4D }) => Promise<Record<string, Tensor>>;

/** What to compare, by `architectures` in config.json. */
const OUTPUTS: Readonly<Record<string, Outputs>> = {
  GPT2LMHeadModel: async (folder, { ids }) => ({ logits: (await GPT.fromPretrained(folder)).call(ids) }),
  BertForMaskedLM: async (folder, { ids }) => ({ logits: (await BertForMaskedLM.fromPretrained(folder)).call(ids) }),
  BertForPreTraining: async (folder, { ids }) => {
    const { wordLogits, nextSentenceLogits } = (await BertForPreTraining.fromPretrained(folder)).call(ids);
    return { prediction_logits: wordLogits, seq_relationship_logits: nextSentenceLogits };
  },
  RobertaForMaskedLM: async (folder, { ids }) => ({
    logits: (await RobertaForMaskedLM.fromPretrained(folder)).call(ids),
  }),
  T5ForConditionalGeneration: async (folder, { ids }) => ({
    logits: (await T5.fromPretrained(folder)).call(ids, { decoderIds: ids }),
  }),
  BartForConditionalGeneration: async (folder, { ids }) => ({
    logits: (await BART.fromPretrained(folder)).call(ids, { decoderIds: ids }),
  }),
  'torch.nn.Transformer': async (folder, { ids }) => ({
    logits: (await Transformer.fromPretrained(folder)).call(ids, { decoderIds: ids }),
  }),
  ViTForImageClassification: async (folder, { images }) => ({
    logits: (await ViTForImageClassification.fromPretrained(folder)).call(images),
  }),
  ViTForMaskedImageModeling: async (folder, { images }) => ({
    reconstruction: (await ViTForMaskedImageModeling.fromPretrained(folder)).call(images),
  }),
  ViTMAEForPreTraining: async (folder, { images }) => {
    const noise = tensor2d([noiseOf(49)], [1, 49]);
    return { logits: (await ViTMAEForPreTraining.fromPretrained(folder)).call(images, { noise }).logits };
  },
};

/** The same numbers as in python_round_trip.py. */
function noiseOf(count: number): number[] {
  return Array.from({ length: count }, (_, i) => ((i * 29) % 49) / 49);
}

await useBackend(cpu());
const images = tensor4d(
  Array.from({ length: 28 * 28 }, (_, i) => ((i * 37) % 256) / 127.5 - 1),
  [1, 1, 28, 28],
);
const cases: object[] = [];
for (const run of process.argv.slice(2)) {
  const { folder } = await findCheckpoint(run);
  const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8')) as {
    architectures?: string[];
  };
  const architecture = config.architectures?.[0] ?? 'torch.nn.Transformer';
  const readsText = !architecture.startsWith('ViT');
  const tokenizer = readsText ? await Tokenizer.fromPretrained(folder) : undefined;
  const isPhonetic = architecture === 'torch.nn.Transformer';
  const text = isPhonetic ? 'i s h m a e l' : TEXT;
  const ids = tokenizer ? [...tokenizer.encode(text, { addSpecialTokens: false }).ids] : [];
  const input = tensor2d([ids.length > 0 ? ids.slice(0, 32) : [0]], undefined, 'int32');
  const outputs = (await OUTPUTS[architecture]?.(folder, { ids: input, images })) ?? {};
  const values = await Promise.all(Object.entries(outputs).map(async ([name, tensor]) => [name, await tensor.array()]));
  const special = [...(tokenizer?.encode(text).ids ?? [])];
  const decoded = tokenizer?.decode(ids);
  cases.push({ folder, architecture, text, ids, special, decoded, outputs: Object.fromEntries(values) as object });
}
console.log(JSON.stringify(cases));
