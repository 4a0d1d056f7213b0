/**
 * Writes one folder for every head of every model, with what it computes, for `python_round_trip.py` to open:
 *
 *     node packages/bert/test/by-hand/python-round-trip.ts /tmp/bert-heads
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { fromFloat32, serializeSafetensors, type StoredTensor } from '@formers/checkpoints';
import type { PretrainedModel } from '@formers/nn';
import { Tensor, tensor2d, tensor3d } from '@tensorflow/tfjs-core';

import * as bert from '../../src/index.ts';

const [target] = process.argv.slice(2);
if (target === undefined) throw new Error('python-round-trip.ts takes the folder to write to');
await useBackend(cpu());

const [batch, seq, choices] = [2, 7, 3];
const size = { vocabSize: 50, contextLength: 12, dim: 24, numHeads: 3, numLayers: 2, hiddenDim: 40, initStd: 0.2 };
const ids = Int32Array.from({ length: batch * seq }, (_, i) => 5 + ((i * 11) % 45));
const text = tensor2d(ids, [batch, seq], 'int32');
const mask = tensor2d([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0], [batch, seq], 'int32');
const many = Int32Array.from({ length: batch * choices * seq }, (_, i) => 5 + ((i * 7) % 45));
const texts = tensor3d(many, [batch, choices, seq], 'int32');
const labels = { labels: ['first', 'second', 'third'] };

type Call = { call(ids: never, options?: never): unknown };
type Entry = [model: PretrainedModel<never, unknown, object> & Call, input: Tensor, options?: object];
const models: Entry[] = [
  [new bert.BertModel(size), text, { attentionMask: mask }],
  [new bert.BertForPreTraining(size), text, { attentionMask: mask }],
  [new bert.BertForMaskedLM(size), text, { attentionMask: mask }],
  [new bert.BertForMaskedLM({ ...size, tieEmbeddings: false, activation: 'relu' }), text, { attentionMask: mask }],
  [new bert.BertForNextSentencePrediction(size), text, { attentionMask: mask }],
  [new bert.BertForSequenceClassification({ ...size, ...labels }), text, { attentionMask: mask }],
  [
    new bert.BertForSequenceClassification({ ...size, labels: ['score'], problemType: 'regression' }),
    text,
    { attentionMask: mask },
  ],
  [new bert.BertForTokenClassification({ ...size, ...labels }), text, { attentionMask: mask }],
  [new bert.BertForQuestionAnswering(size), text, { attentionMask: mask }],
  [new bert.BertForMultipleChoice(size), texts],
  [new bert.RobertaModel(size), text, { attentionMask: mask }],
  [new bert.RobertaForMaskedLM(size), text, { attentionMask: mask }],
  [new bert.RobertaForSequenceClassification({ ...size, ...labels }), text, { attentionMask: mask }],
  [new bert.RobertaForTokenClassification({ ...size, ...labels }), text, { attentionMask: mask }],
  [new bert.RobertaForQuestionAnswering(size), text, { attentionMask: mask }],
  [new bert.RobertaForMultipleChoice(size), texts],
  [new bert.DistilBertModel(size), text, { attentionMask: mask }],
  [new bert.DistilBertForMaskedLM(size), text, { attentionMask: mask }],
  [new bert.DistilBertForSequenceClassification({ ...size, ...labels }), text, { attentionMask: mask }],
  [new bert.DistilBertForTokenClassification({ ...size, ...labels }), text, { attentionMask: mask }],
  [new bert.DistilBertForQuestionAnswering(size), text, { attentionMask: mask }],
  [new bert.DistilBertForMultipleChoice(size), texts],
];

const asStored = async (tensor: Tensor): Promise<StoredTensor> =>
  fromFloat32(Float32Array.from(await tensor.data()), tensor.shape, 'F32');

for (const [i, [model, input, options]] of models.entries()) {
  const { architecture } = model.format;
  const folder = path.join(target, `${i}-${architecture}`);
  await mkdir(folder, { recursive: true });
  await model.savePretrained(folder);
  const output = model.call(input as never, options as never);
  const named = output instanceof Tensor ? { output } : (output as Record<string, Tensor>);
  const tensors: [string, StoredTensor][] = [['input_ids', await asStored(input)]];
  if (options) tensors.push(['attention_mask', await asStored(mask)]);
  for (const [name, tensor] of Object.entries(named)) tensors.push([`found.${name}`, await asStored(tensor)]);
  await writeFile(path.join(folder, 'found.safetensors'), serializeSafetensors(new Map(tensors)));
}
console.log(`${models.length} models in ${target}`);
