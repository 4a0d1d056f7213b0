// Writes new models for python_round_trip.py: `node save.ts FOLDER`, then `python python_round_trip.py FOLDER`.
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { fromFloat32, fromInt32, serializeSafetensors } from '@formers/checkpoints';
import { tensor2d } from '@tensorflow/tfjs-core';

import { Marian, MARIAN_PRESETS, Transformer, TRANSFORMER_PRESETS } from '../../src/index.ts';

const [root = ''] = process.argv.slice(2);
await useBackend(cpu());
const marian = { ...MARIAN_PRESETS.testing, vocabSize: 60, padTokenId: 59 };
const transformer = { ...TRANSFORMER_PRESETS.testing, vocabSize: 60 };
const models = {
  marian: new Marian(marian, { seed: 1 }),
  'marian-untied': new Marian({ ...marian, tieEmbeddings: false }, { seed: 1 }),
  transformer: new Transformer(transformer, { seed: 1 }),
  'transformer-pre': new Transformer({ ...transformer, norm: 'pre', sourceVocabSize: 50 }, { seed: 1 }),
};
const ids = tensor2d([7, 8, 9, 1, 5, 6, 1, 0], [2, 4], 'int32');
const decoderIds = tensor2d([3, 5, 6, 3, 9, 9], [2, 3], 'int32');
const attentionMask = tensor2d([1, 1, 1, 1, 1, 1, 1, 0], [2, 4], 'int32');
for (const [name, model] of Object.entries(models)) {
  const folder = path.join(root, name);
  await model.savePretrained(folder);
  const logits = model.call(ids, { decoderIds, attentionMask });
  const check = new Map([
    ['input_ids', fromInt32(Int32Array.from(ids.dataSync()), ids.shape, 'I64')],
    ['decoder_input_ids', fromInt32(Int32Array.from(decoderIds.dataSync()), decoderIds.shape, 'I64')],
    ['attention_mask', fromInt32(Int32Array.from(attentionMask.dataSync()), attentionMask.shape, 'I64')],
    ['logits', fromFloat32(logits.dataSync() as Float32Array, logits.shape, 'F32')],
  ]);
  await writeFile(path.join(folder, 'check.safetensors'), serializeSafetensors(check));
}
