import { rm } from 'node:fs/promises';

import { DeviceLostError, gelu, useBackend } from '@formers/backend';
import { engine, tensor } from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { findCheckpoint, nodeFileSystem } from '../../training/src/index.ts';
import { evaluate, saveToy, temporaryFolder, toyRun, type ToyRunOptions } from '../../training/test/toy-run.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

const start = async () => useBackend(webgpu({ gpu: await dawn() }));
const lose = () => (engine().backend as unknown as FormersWebGPUBackend).device.destroy();

/** Where a run is when its device goes; the checkpoints are of steps 2 and 4. */
const PHASES = ['forward', 'backward', 'update', 'read', 'evaluation', 'save'] as const;
const LOST_AFTER = 4;

describe('a device that is destroyed', () => {
  let out = '';
  let whole: Float32Array[];

  beforeAll(async () => {
    await start();
    whole = await train({ out: await temporaryFolder() });
  });
  beforeEach(async () => {
    await start();
    out = await temporaryFolder();
  });
  afterEach(async () => {
    await start();
    await rm(out, { recursive: true });
  });

  /** Runs to its end; the weights. A device that is lost during `phase` goes at the fifth step. */
  async function train({
    phase,
    ...options
  }: ToyRunOptions & { phase?: (typeof PHASES)[number] }): Promise<Float32Array[]> {
    const loseIn = (name: (typeof PHASES)[number]) => {
      const { numSteps } = run.optimizer;
      if (name === phase && numSteps >= LOST_AFTER + (name === 'read' || name === 'save' ? 1 : 0)) lose();
    };
    using run = await toyRun({
      evalEvery: 5,
      ...options,
      loss: (batch) => {
        loseIn('forward');
        const loss = run.model.loss(batch);
        loseIn('backward');
        return loss;
      },
      evaluate: async () => {
        loseIn('evaluation');
        return evaluate(run.model);
      },
      save: async (folder) => {
        loseIn('save');
        await saveToy(run.model, folder, nodeFileSystem());
      },
    });
    const step = run.optimizer.step.bind(run.optimizer);
    run.optimizer.step = (stepOptions) => {
      loseIn('update');
      const result = step(stepOptions);
      loseIn('read'); // what comes next is that its values are read
      return result;
    };
    for await (const _ of run.trainer.run());
    const parameters = [...run.model.namedParameters()];
    return Promise.all(parameters.map(([, parameter]) => parameter.data<'float32'>()));
  }

  test.each(PHASES)('in %s: a typed error, and the resumed run ends with the same bits', async (phase) => {
    await expect(train({ out, phase })).rejects.toSatisfy((error) => DeviceLostError.isInstance(error));
    const { step } = await findCheckpoint(out);
    expect(step).toBeGreaterThanOrEqual(LOST_AFTER);
    await start();
    expect(await train({ out, resume: true })).toEqual(whole);
  });

  test('operations and reads tell of it from the next turn on, old tensors can be disposed, new ones work', async () => {
    const x = tensor([1, 2, 3]);
    const y = gelu(x);
    lose();
    await expect(y.data()).rejects.toSatisfy((error) => DeviceLostError.isInstance(error));
    let error: unknown;
    try {
      gelu(x);
    } catch (thrown) {
      error = thrown;
    }
    expect(DeviceLostError.isInstance(error)).toBe(true);
    await start();
    x.dispose();
    y.dispose();
    expect(await gelu(tensor([0, 0])).data()).toEqual(Float32Array.of(0, 0));
  });
});
