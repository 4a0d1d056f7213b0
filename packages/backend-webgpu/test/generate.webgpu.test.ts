import { useBackend } from '@formers/backend';
import { engine, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import {
  EncoderDecoderCache,
  GrowingKVCache,
  type KVCache,
  SlidingKVCache,
  StaticKVCache,
} from '../../attention/src/index.ts';
import { generate, type GenerateOptions, TokenCache } from '../../generation/src/index.ts';
import { GPT, GPT_PRESETS } from '../../gpt/src/index.ts';
import { T5, T5_PRESETS } from '../../t5/src/index.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { onBothEngines } from './both-engines.ts';
import { dawn } from './dawn.ts';

const PROMPTS = [
  [3, 1, 4, 1, 5],
  [9, 2, 6],
];

/** Ids of two texts, by a GPT-2 and with a cache of the kind. */
async function continued(cacheOf: () => KVCache, options: GenerateOptions) {
  using model = new GPT({ ...GPT_PRESETS.testing, vocabSize: 40, contextLength: 24, initStd: 0.4 }, { seed: 1 });
  using cache = new TokenCache(cacheOf());
  const { newTokens } = await generate(model, PROMPTS, { maxNewTokens: 12, padTokenId: 0, cache, ...options });
  return newTokens;
}

test.each<[string, () => KVCache, GenerateOptions]>([
  ['a growing cache', () => new GrowingKVCache(), {}],
  ['a static cache', () => new StaticKVCache({ maxLength: 24 }), {}],
  ['a sliding cache', () => new SlidingKVCache({ window: 7 }), {}],
  ['beams', () => new GrowingKVCache(), { numBeams: 3 }],
  ['sampling', () => new StaticKVCache({ maxLength: 24 }), { doSample: true, temperature: 1.5, topK: 8, seed: 5 }],
])('a GPT-2 continues texts of unequal lengths as on the CPU, with %s', async (_, cacheOf, options) => {
  const { plain, gpu } = await onBothEngines(() => continued(cacheOf, options));
  expect(gpu).toEqual(plain);
  expect(new Set(gpu.flat()).size).toBeGreaterThan(2);
});

test('a step with a static cache moves no earlier keys or values, whatever its room', async () => {
  await useBackend(webgpu({ gpu: await dawn() }));
  using model = new GPT({ ...GPT_PRESETS.testing, vocabSize: 40, contextLength: 2048 }, { seed: 1 });
  using cache = new StaticKVCache({ maxLength: 2048 });
  const call = (ids: readonly number[]): void =>
    tidy(() => void model.call(tensor2d([...ids], [1, ids.length], 'int32'), { cache, lastOnly: true }));
  for (const ids of [[1, 2, 3, 4, 5], [6]]) call(ids);
  const backend = engine().backend as unknown as FormersWebGPUBackend;
  const [sizes, copies]: [number[], number] = [[], backend.figures.copies];
  const makeTensorInfo = backend.makeTensorInfo.bind(backend);
  backend.makeTensorInfo = (shape, ...rest) => {
    sizes.push(shape.reduce((product, axis) => product * axis, 1));
    return makeTensorInfo(shape, ...rest);
  };
  call([7]);
  backend.makeTensorInfo = makeTensorInfo;
  expect(backend.figures.copies).toBe(copies);
  expect(sizes.length).toBeGreaterThan(10);
  expect(Math.max(...sizes)).toBeLessThan(2048); // a buffer of a head has 8 times as much
});

test('a T5 answers as on the CPU, with its cache', async () => {
  const { plain, gpu } = await onBothEngines(async () => {
    using model = new T5({ ...T5_PRESETS.testing, vocabSize: 40, initFactor: 2 }, { seed: 1 });
    using cache = new TokenCache(new EncoderDecoderCache());
    const { newTokens } = await generate(model, PROMPTS, { maxNewTokens: 12, cache, doSample: true, seed: 5 });
    return newTokens;
  });
  expect(gpu).toEqual(plain);
  expect(new Set(gpu.flat()).size).toBeGreaterThan(2);
});
