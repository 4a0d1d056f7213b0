// Writes new models of every class for round_trip.py: `node round-trip.ts FOLDER`, then `python round_trip.py FOLDER`, then `node round-trip.ts FOLDER --back`.
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import {
  fromFloat32,
  fromInt32,
  parseSafetensors,
  serializeSafetensors,
  type StoredTensor,
} from '@formers/checkpoints';
import { type Tensor, tensor2d } from '@tensorflow/tfjs-core';

import {
  T5,
  T5_PRESETS,
  T5EncoderModel,
  T5ForQuestionAnswering,
  T5ForSequenceClassification,
  T5ForTokenClassification,
  T5Model,
  type T5Options,
} from '../../src/index.ts';

const [root = '', back] = process.argv.slice(2);
await useBackend(cpu());
const plain: T5Options = { vocabSize: 60, ...T5_PRESETS.testing };
const gated: T5Options = { ...plain, activation: 'geluTanh', gated: true, numDecoderLayers: 3 };
const v1_1: T5Options = { ...gated, tieEmbeddings: false };
const ids = tensor2d(
  [
    [7, 8, 9, 1],
    [5, 6, 1, 0],
  ],
  [2, 4],
  'int32',
);
const decoderIds = tensor2d(
  [
    [0, 5, 6],
    [0, 9, 9],
  ],
  [2, 3],
  'int32',
);
const attentionMask = tensor2d(
  [
    [1, 1, 1, 1],
    [1, 1, 1, 0],
  ],
  [2, 4],
  'int32',
);
const source = { attentionMask };
const labels = ['one', 'two', 'three'];

const written = [
  pair('t5', new T5(plain, { seed: 1 }), (model) => ({ logits: model.call(ids, { ...source, decoderIds }) })),
  pair('t5-v1_1', new T5(v1_1, { seed: 1 }), (model) => ({ logits: model.call(ids, { ...source, decoderIds }) })),
  pair('model', new T5Model(gated, { seed: 1 }), (model) => ({
    last_hidden_state: model.call(ids, { ...source, decoderIds }),
  })),
  pair('encoder', new T5EncoderModel(plain, { seed: 1 }), (model) => ({ last_hidden_state: model.call(ids, source) })),
  pair('sequence-classifier', new T5ForSequenceClassification({ ...plain, labels }, { seed: 1 }), (model) => ({
    logits: model.call(ids, source),
  })),
  pair('token-classifier', new T5ForTokenClassification({ ...plain, labels }, { seed: 1 }), (model) => ({
    logits: model.call(ids, source),
  })),
  pair('question-answering', new T5ForQuestionAnswering(plain, { seed: 1 }), (model) => {
    const { startLogits, endLogits } = model.call(ids, source);
    return { start_logits: startLogits, end_logits: endLogits };
  }),
];

interface Written {
  name: string;
  model: { savePretrained(folder: string): Promise<void> };
  run: () => Record<string, Tensor>;
}

function pair<Model extends Written['model']>(
  name: string,
  model: Model,
  run: (model: Model) => Record<string, Tensor>,
): Written {
  return { name, model, run: () => run(model) };
}

for (const { name, model, run } of written) {
  const folder = path.join(root, name);
  if (back) {
    const [ours, theirs] = await Promise.all(
      [folder, `${folder}-python`].map(async (one) =>
        parseSafetensors(await readFile(path.join(one, 'model.safetensors'))),
      ),
    );
    const changed = [...ours!.tensors].filter(
      ([key, { bytes }]) => !Buffer.from(bytes).equals(theirs!.tensors.get(key)?.bytes ?? new Uint8Array()),
    );
    const added = [...theirs!.tensors.keys()].filter((key) => !ours!.tensors.has(key));
    console.log(
      name,
      changed.length === 0 ? 'the same bytes' : `OTHER BYTES: ${changed.map(([key]) => key).join()}`,
      added.length > 0 ? `and ${added.join()}` : '',
    );
    continue;
  }
  await model.savePretrained(folder);
  const tensors: [string, StoredTensor][] = [
    ['input_ids', fromInt32(Int32Array.from(ids.dataSync()), ids.shape, 'I64')],
    ['decoder_input_ids', fromInt32(Int32Array.from(decoderIds.dataSync()), decoderIds.shape, 'I64')],
    ['attention_mask', fromInt32(Int32Array.from(attentionMask.dataSync()), attentionMask.shape, 'I64')],
    ...Object.entries(run()).map(([key, output]): [string, StoredTensor] => [
      `output.${key}`,
      fromFloat32(output.dataSync() as Float32Array, output.shape, 'F32'),
    ]),
  ];
  await writeFile(path.join(folder, 'check.safetensors'), serializeSafetensors(new Map(tensors)));
  console.log('wrote', name);
}
