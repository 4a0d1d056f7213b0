// Writes new models of every class for python_round_trip.py: `node save.ts FOLDER`, then `python python_round_trip.py FOLDER`.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { fromFloat32, fromInt32, serializeSafetensors } from '@formers/checkpoints';
import { type Tensor2D, tensor2d, type Tensor } from '@tensorflow/tfjs-core';

import {
  GPT,
  GPT1,
  GPT1_PRESETS,
  GPT1ForSequenceClassification,
  GPT_NEO_PRESETS,
  GPT_PRESETS,
  GPTForSequenceClassification,
  GPTNeo,
  GPTNeoForSequenceClassification,
} from '../../src/index.ts';

interface Writer {
  call(ids: Tensor2D, options: { attentionMask: Tensor2D }): Tensor;
  savePretrained(folder: string): Promise<void>;
}

const [root = ''] = process.argv.slice(2);
await useBackend(cpu());
const own = { vocabSize: 60 };
const classes = { ...own, padTokenId: 0, labels: ['one', 'two', 'three'] };
const seed = { seed: 1 };
const models: Record<string, Writer> = {
  gpt1: new GPT1({ ...GPT1_PRESETS.testing, ...own }, seed),
  gpt2: new GPT({ ...GPT_PRESETS.testing, ...own }, seed),
  'gpt-neo': new GPTNeo({ ...GPT_NEO_PRESETS.testing, ...own }, seed),
  'gpt1-classifier': new GPT1ForSequenceClassification({ ...GPT1_PRESETS.testing, ...classes }, seed),
  'gpt2-classifier': new GPTForSequenceClassification({ ...GPT_PRESETS.testing, ...classes }, seed),
  'gpt-neo-classifier': new GPTNeoForSequenceClassification({ ...GPT_NEO_PRESETS.testing, ...classes }, seed),
};
const ids = tensor2d([7, 8, 9, 1, 30, 4, 5, 6, 1, 2, 0, 0], [2, 6], 'int32');
const attentionMask = tensor2d([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0], [2, 6], 'int32');
for (const [name, model] of Object.entries(models)) {
  const folder = path.join(root, name);
  await model.savePretrained(folder);
  const logits = model.call(ids, { attentionMask });
  const check = new Map([
    ['input_ids', fromInt32(Int32Array.from(ids.dataSync()), ids.shape, 'I64')],
    ['attention_mask', fromInt32(Int32Array.from(attentionMask.dataSync()), attentionMask.shape, 'I64')],
    ['logits', fromFloat32(logits.dataSync() as Float32Array, logits.shape, 'F32')],
  ]);
  await writeFile(path.join(folder, 'check.safetensors'), serializeSafetensors(check));
}
