import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { BertForSequenceClassification } from '@formers/bert';
import { parseSafetensors, toFloat32 } from '@formers/checkpoints';
import { GPT } from '@formers/gpt';
import type { PretrainedModel } from '@formers/nn';
import { T5 } from '@formers/t5';
import { Transformer } from '@formers/transformer';
import { ViTForImageClassification } from '@formers/vit';
import {
  cast,
  div,
  reshape,
  type Scalar,
  type Tensor,
  tensor1d,
  tensor2d,
  type Tensor2D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

/** A model of by-hand/lora.py: how it is opened, called and trained. */
export interface LoRACase {
  open: (folder: string) => Promise<PretrainedModel<never, unknown, object>>;
  logits: (model: unknown, ids: Tensor2D) => Tensor;
  loss: (model: unknown, ids: Tensor2D) => Scalar;
  /** As in the script, in our words. */
  targets: string[];
  modulesToSave?: string[];
}

const torchCase: LoRACase = {
  open: (folder) => Transformer.fromPretrained(folder),
  logits: (model, ids) => (model as Transformer).call(ids, { decoderIds: ids }),
  loss: (model, ids) => (model as Transformer).loss(ids, { targets: ids }),
  targets: ['self_attn', 'mlp.output'],
};

const bertCase: LoRACase = {
  open: (folder) => BertForSequenceClassification.fromPretrained(folder),
  logits: (model, ids) => (model as BertForSequenceClassification).call(ids),
  loss: (model, ids) => {
    const labels = tensor1d([2, 0], 'int32');
    return (model as BertForSequenceClassification).loss(ids, { labels });
  },
  targets: ['attention.query', 'attention.output', 'mlp.output'],
  modulesToSave: ['head'],
};

function images(ids: Tensor2D): Tensor4D {
  return tidy(() => reshape(div(cast(ids, 'float32'), 13), [2, 1, 2, 2]));
}

type CaseName = 'gpt2' | 'bert-head' | 'bert-patterns' | 'vit' | 't5' | 'torch' | 'torch-output';

export const loraCases: Record<CaseName, LoRACase> = {
  gpt2: {
    open: (folder) => GPT.fromPretrained(folder),
    logits: (model, ids) => (model as GPT).call(ids),
    loss: (model, ids) => (model as GPT).loss(ids, { targets: ids }),
    targets: ['queryKeyValue', 'mlp.output'],
  },
  'bert-head': bertCase,
  'bert-patterns': bertCase,
  vit: {
    open: (folder) => ViTForImageClassification.fromPretrained(folder),
    logits: (model, ids) => tidy(() => (model as ViTForImageClassification).call(images(ids))),
    loss: (model, ids) =>
      tidy(() => (model as ViTForImageClassification).loss(images(ids), { labels: tensor1d([2, 0], 'int32') })),
    targets: ['query', 'mlp.output'],
  },
  t5: {
    open: (folder) => T5.fromPretrained(folder),
    logits: (model, ids) => (model as T5).call(ids, { decoderIds: ids }),
    loss: (model, ids) => (model as T5).loss(ids, { targets: ids }),
    targets: ['query', 'value', 'mlp.output'],
  },
  torch: torchCase,
  'torch-output': { ...torchCase, targets: ['self_attn'] },
};

export const caseNames: CaseName[] = ['gpt2', 'bert-head', 'bert-patterns', 'vit', 't5', 'torch', 'torch-output'];

export function loraIds(): Tensor2D {
  return tensor2d([[1, 5, 2, 7], [3, 3, 9, 12]], [2, 4], 'int32'); // prettier-ignore
}

export function fixtureFolder(name: string): string {
  return fileURLToPath(new URL(`fixtures/lora/${name}`, import.meta.url));
}

export async function fixtureTensors(name: string): Promise<Map<string, Float32Array>> {
  const { tensors } = parseSafetensors(await readFile(fixtureFolder(name)));
  return new Map([...tensors].map(([key, stored]) => [key, toFloat32(stored)]));
}

/** Weights of a model as its folder would have them. */
export async function savedWeights(model: PretrainedModel<never, unknown, object>): Promise<Map<string, Float32Array>> {
  const files = new Map<string, Uint8Array>();
  await model.savePretrained(files);
  const { tensors } = parseSafetensors(files.get('model.safetensors') as Uint8Array);
  return new Map([...tensors].map(([key, stored]) => [key, toFloat32(stored)]));
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return a.length === b.length
    ? Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number))))
    : Infinity;
}
