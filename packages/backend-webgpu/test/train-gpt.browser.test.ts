import { useBackend } from '@formers/backend';
import { tensor2d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { generate } from '../../generation/src/index.ts';
import { GPT, GPT_PRESETS } from '../../gpt/src/index.ts';
import { AdamW } from '../../training/src/index.ts';
import { webgpu } from '../src/index.ts';

const TEXT = 'abcdefgh';

test('a page trains a tiny GPT on the GPU and samples from it', async () => {
  const { name } = await useBackend(webgpu());
  expect(name).toBe('formers-webgpu');
  using model = new GPT({ ...GPT_PRESETS.testing, vocabSize: TEXT.length }, { seed: 1 });
  using optimizer = new AdamW(model, { learningRate: 1e-2, clipNorm: 1 });
  const rows = [0, 3, 5].map((start) => Array.from({ length: 13 }, (_, i) => (start + i) % TEXT.length)); // the letters in order, over and over
  const inputs = tensor2d(
    rows.map((row) => row.slice(0, -1)),
    undefined,
    'int32',
  );
  const targets = tensor2d(
    rows.map((row) => row.slice(1)),
    undefined,
    'int32',
  );
  const losses: number[] = [];
  for (let step = 0; step < 30; step++)
    losses.push(await optimizer.minimize(() => model.loss(inputs, { targets })).loss());
  expect(losses[0]).toBeGreaterThan(1.8); // log 8 is 2.08
  expect(losses.at(-1)).toBeLessThan(0.3);
  const result = await generate(model, [[2, 3]], { maxNewTokens: 8, doSample: true, temperature: 0.2, seed: 1 });
  expect(result.newTokens[0]?.map((id) => TEXT[id]).join('')).toBe('efghabcd');
  inputs.dispose();
  targets.dispose();
});
