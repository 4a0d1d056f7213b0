import { useBackend } from '@formers/backend';
import { engine, memory, tensor2d } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

import { GPT, GPT_PRESETS } from '../../gpt/src/index.ts';
import { AdamW } from '../../training/src/index.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

const WARM_STEPS = 20;

function resources() {
  const { bufferManager, figures } = engine().backend as FormersWebGPUBackend;
  const { numTensors, numDataBuffers } = memory();
  return {
    numTensors,
    numDataBuffers,
    usedBuffers: bufferManager.getNumUsedBuffers(),
    usedBytes: bufferManager.numBytesUsed,
    allocatedBytes: bufferManager.numBytesAllocated,
    pipelines: figures.pipelines,
    bindGroups: figures.bindGroups,
  };
}

/** Trains a tiny GPT-2 with dropout and clipping; after the first steps nothing may grow: tensors, buffers, their bytes, pipelines; bind groups hardly. */
export async function expectSteadyTraining(steps: number): Promise<void> {
  await useBackend(webgpu({ gpu: await dawn() }));
  using model = new GPT(
    { ...GPT_PRESETS.testing, numLayers: 1, vocabSize: 23, contextLength: 8, dropout: 0.1 },
    { seed: 1 },
  );
  using optimizer = new AdamW(model, { learningRate: 1e-3, weightDecay: 0.1, clipNorm: 1, seed: 2 });
  let warm: ReturnType<typeof resources> | undefined;
  for (let step = 1; step <= steps; step++) {
    const ids = tensor2d(
      Int32Array.from({ length: 16 }, (_, i) => (step * 5 + i * i) % 23),
      [2, 8],
      'int32',
    );
    const targets = tensor2d(
      Int32Array.from({ length: 16 }, (_, i) => (step * 5 + (i + 1) ** 2) % 23),
      [2, 8],
      'int32',
    );
    const result = optimizer.minimize(() => model.loss(ids, { targets }));
    expect(Number.isFinite(await result.loss())).toBe(true);
    for (const tensor of [ids, targets]) tensor.dispose();
    if (step === WARM_STEPS) warm = resources();
  }
  const { bindGroups, allocatedBytes, ...rest } = resources();
  const { bindGroups: warmBindGroups = 0, allocatedBytes: warmBytes = 0, ...warmRest } = warm ?? {};
  expect(rest).toEqual(warmRest);
  expect(allocatedBytes).toBeLessThanOrEqual(warmBytes * 1.05);
  expect((bindGroups - warmBindGroups) / (steps - WARM_STEPS), 'bind groups made in a warm step').toBeLessThan(4);
}
