import { randomUniform, tensor1d, type Tensor4D } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { counts, lossOf, train, useEngineForTests } from '../../testing/src/index.ts';
import { VIT_PRESETS, ViTForImageClassification } from '../src/index.ts';

useEngineForTests();

test('1,000 steps leave as many tensors as there were', () => {
  using model = new ViTForImageClassification(VIT_PRESETS.testing);
  const images = randomUniform([2, 1, 8, 8], -1, 1, 'float32', 1) as Tensor4D;
  const labels = tensor1d([0, 1], 'int32');
  const seen = new Set<number>();
  const loss = (): ReturnType<typeof lossOf> => {
    seen.add(counts().tensors);
    return lossOf(model, { images, labels });
  };
  train(model, loss, { steps: 1000, learningRate: 1e-3 });
  expect(seen.size).toBe(1);
}, 600_000);
