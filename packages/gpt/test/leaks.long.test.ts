import { GrowingKVCache } from '@formers/attention';
import { tensor2d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { counts, train, useEngineForTests } from '../../testing/src/index.ts';
import { GPT, GPT_PRESETS } from '../src/index.ts';

useEngineForTests();

test('1,000 steps leave as many tensors as there were', () => {
  using model = new GPT({ vocabSize: 65, ...GPT_PRESETS.testing });
  const [ids, targets] = [tensor2d([[1, 2, 3]], [1, 3], 'int32'), tensor2d([[2, 3, 4]], [1, 3], 'int32')];
  const seen = new Set<number>();
  const loss = (): ReturnType<GPT['loss']> => {
    seen.add(counts().tensors);
    return model.loss(ids, { targets });
  };
  train(model, loss, { steps: 1000, learningRate: 1e-3 });
  expect(seen.size).toBe(1);
}, 600_000);

test('1,000 tokens leave as many tensors as there were', () => {
  using model = new GPT({ vocabSize: 65, ...GPT_PRESETS.testing, contextLength: 1000 });
  const id = tensor2d([[1]], [1, 1], 'int32');
  using cache = new GrowingKVCache();
  model.call(id, { cache, lastOnly: true }).dispose();
  const before = counts();
  for (let i = 1; i < 1000; i++) model.call(id, { cache, lastOnly: true }).dispose();
  expect(counts()).toEqual(before);
}, 600_000);
