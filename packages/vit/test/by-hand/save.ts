/** Writes a folder of each model of this package, with random images and what it makes of them: `pnpm exec node packages/vit/test/by-hand/save.ts FOLDER`. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import { cpu, useBackend } from '@formers/backend';
import { fromFloat32, serializeSafetensors } from '@formers/checkpoints';
import type { PretrainedModel } from '@formers/nn';
import { randomUniform, type Tensor, type Tensor2D, tensor2d, type Tensor4D } from '@tensorflow/tfjs-core';

import {
  DeiTForImageClassification,
  DeiTForImageClassificationWithTeacher,
  DeiTForMaskedImageModeling,
  DeiTModel,
  TimmViT,
  ViTForImageClassification,
  ViTForMaskedImageModeling,
  ViTMAEForPreTraining,
  ViTMAEModel,
  ViTModel,
} from '../../src/index.ts';

type AnyModel = PretrainedModel<never, unknown, object>;

await useBackend(cpu());
const [folder = ''] = process.argv.slice(2);
const size = { imageSize: 24, patchSize: 8, dim: 32, numHeads: 4, numLayers: 2, initStd: 0.2 };
const named = { ...size, labels: ['cat', 'dog', 'owl'] };
const mae = { ...size, decoderDim: 16, decoderNumHeads: 4, decoderNumLayers: 2 };
const { initStd: _, ...timm } = named;
const images = randomUniform([2, 3, 24, 24], -1, 1, 'float32', 7) as Tensor4D;
const noise = randomUniform([2, 9], 0, 1, 'float32', 8) as Tensor2D;
const mask = tensor2d([
  [1, 0, 1, 1, 0, 0, 1, 0, 1],
  [0, 0, 1, 0, 1, 1, 1, 0, 0],
]);

async function save(name: string, model: AnyModel, outputs: Record<string, Tensor>): Promise<void> {
  const target = path.join(folder, name);
  await model.savePretrained(target);
  const all = { pixel_values: images, noise, bool_masked_pos: mask, ...outputs };
  const stored = await Promise.all(
    Object.entries(all).map(async ([key, tensor]) => {
      const values = Float32Array.from(await tensor.data());
      return [key, fromFloat32(values, tensor.shape, 'F32')] as const;
    }),
  );
  await writeFile(path.join(target, 'values.safetensors'), serializeSafetensors(stored));
}

{
  using model = new ViTModel(size, { seed: 1 });
  const { hidden, pooled } = model.call(images);
  await save('ViTModel', model, { last_hidden_state: hidden, pooler_output: pooled! });
}
{
  using model = new ViTForImageClassification(named, { seed: 2 });
  await save('ViTForImageClassification', model, { logits: model.call(images) });
}
{
  using model = new ViTForMaskedImageModeling(size, { seed: 3 });
  await save('ViTForMaskedImageModeling', model, {
    reconstruction: model.call(images, { mask }),
    loss: model.loss(images, { mask }),
  });
}
{
  using model = new DeiTModel(size, { seed: 4 });
  const { hidden, pooled } = model.call(images);
  await save('DeiTModel', model, { last_hidden_state: hidden, pooler_output: pooled! });
}
{
  using model = new DeiTForImageClassification(named, { seed: 5 });
  await save('DeiTForImageClassification', model, { logits: model.call(images) });
}
{
  using model = new DeiTForImageClassificationWithTeacher(named, { seed: 6 });
  await save('DeiTForImageClassificationWithTeacher', model, { logits: model.call(images).logits });
}
{
  using model = new DeiTForMaskedImageModeling(size, { seed: 7 });
  await save('DeiTForMaskedImageModeling', model, {
    reconstruction: model.call(images, { mask }),
    loss: model.loss(images, { mask }),
  });
}
{
  using model = new ViTMAEModel(mae, { seed: 8 });
  await save('ViTMAEModel', model, { last_hidden_state: model.call(images, { noise }).hidden });
}
{
  using model = new ViTMAEForPreTraining(mae, { seed: 9 });
  await save('ViTMAEForPreTraining', model, {
    logits: model.call(images, { noise }).logits,
    loss: model.loss(images, { noise }),
  });
}
{
  using model = new TimmViT({ ...timm, numRegisters: 2, layerScale: 0.5, pooling: 'avg' }, { seed: 10 });
  await save('timm', model, { logits: model.call(images) });
}
