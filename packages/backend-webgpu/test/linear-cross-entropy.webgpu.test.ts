import { linearCrossEntropy, valueAndGradients } from '@formers/backend';
import { engine, type Tensor1D, type Tensor2D, tensor1d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, readValues } from '../../testing/src/close.ts';
import { useEngineForTests } from '../../testing/src/engine.ts';
import { randomTensor } from '../../testing/src/random-tensor.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

useEngineForTests(webgpu({ gpu: await dawn() }));

test('the fused loss gives the same in chunks, with logits computed again, as with all logits kept', async () => {
  const backend = engine().backend as unknown as FormersWebGPUBackend;
  const [x, weight] = [randomTensor<Tensor2D>([300, 5]), randomTensor<Tensor2D>([9, 5], { seed: 1 })];
  const bias = randomTensor<Tensor1D>([9], { seed: 2 });
  const labels = tensor1d(
    Int32Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? -100 : i % 9)),
    'int32',
  );
  const run = async (mostLogits: number): Promise<number[]> => {
    const before = [backend.mostLogits, backend.figures.dispatches] as const;
    backend.mostLogits = mostLogits;
    const { value, gradients } = valueAndGradients(
      () => linearCrossEntropy(x, weight, { labels, bias, labelSmoothing: 0.1 }),
      [x, weight, bias],
    );
    backend.mostLogits = before[0];
    const numbers = (await Promise.all([value, ...gradients].map(readValues))).flat();
    return [backend.figures.dispatches - before[1], ...numbers];
  };
  const [dispatches, ...whole] = await run(300 * 9);
  const [more, ...chunked] = await run(128 * 9);
  expect(dispatches).toBe(6); // logits, rows, loss; gradients of the logits, of x, of weight with bias
  expect(more).toBeGreaterThan(15);
  expectClose(chunked, whole, { rtol: 1e-5, atol: 1e-7 });
});
