import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cpu, useBackend } from '@formers/backend';
import type { TokenBatch } from '@formers/data';
import { mul, type Scalar, tensor, tidy } from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { findCheckpoint, nodeFileSystem, type TrainerEvent, TrainingError } from '../src/index.ts';
import { weightsOf } from './toy-model.ts';
import { collect, toyRun, type ToyRunOptions } from './toy-run.ts';
import { temporaryFolder } from './toy-run.ts';

describe('Trainer and values that are not finite', () => {
  let out = '';
  beforeAll(() => useBackend(cpu()));
  beforeEach(async () => {
    out = await temporaryFolder();
  });
  afterEach(() => rm(out, { recursive: true }));

  /** A run whose loss is multiplied by `poison` from a step on, for one step. */
  async function poisoned(
    step: number,
    { poison, ...options }: ToyRunOptions & { poison: number },
  ): Promise<{ error: TrainingError; events: TrainerEvent[]; weights: Map<string, Float32Array> }> {
    using run = await toyRun({
      out,
      ...options,
      loss: (batch: TokenBatch) =>
        run.optimizer.numSteps + 1 === step && batch.step % 2 === 1
          ? (mul(run.model.loss(batch), poison) as Scalar)
          : run.model.loss(batch),
    });
    const events: TrainerEvent[] = [];
    const error: unknown = await collect(run.trainer, (event) => events.push(event)).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TrainingError);
    expect(run.optimizer.numSteps).toBe(step - 1);
    expect(run.trainer.step).toBe(step - 1);
    return { error: error as TrainingError, events, weights: weightsOf(run.model) };
  }

  it.each([
    [1, NaN],
    [5, NaN],
    [5, Infinity],
    [6, -Infinity],
    [8, NaN],
  ])(
    'stops before the update of step %i, loss times %d, with a checkpoint of the step before',
    async (step, poison) => {
      const { error, events, weights } = await poisoned(step, { poison });
      expect(error).toMatchObject({ code: 'not-finite' });
      expect(error.message).toMatch(
        new RegExp(`^Trainer: step ${step} is not finite \\(loss .*\\); it changed nothing; `),
      );
      expect(events.filter(({ type }) => type === 'step').map(({ step }) => step)).toEqual(
        [1, 2, 3, 4, 5, 6, 7].slice(0, step - 1),
      );
      if (step === 1) {
        expect(error.message).toContain('the newest checkpoint is none');
        return;
      }
      const found = await findCheckpoint(out);
      expect(found.step).toBe(step - 1);
      expect(error.message).toContain(found.folder);

      // Without the poison it goes on as if nothing had been.
      using whole = await toyRun({ out: join(out, 'straight') });
      const expected = await collect(whole.trainer);
      using rest = await toyRun({ out, resume: true });
      expect(weightsOf(rest.model)).toEqual(weights);
      const losses = (events: TrainerEvent[]) => events.flatMap((event) => (event.type === 'step' ? [event.loss] : []));
      expect([...losses(events), ...losses(await collect(rest.trainer))]).toEqual(losses(expected));
      expect(weightsOf(rest.model)).toEqual(weightsOf(whole.model));
    },
  );

  it('says so without a folder, too', async () => {
    using run = await toyRun({ loss: (batch: TokenBatch) => mul(run.model.loss(batch), NaN) as Scalar });
    await expect(collect(run.trainer)).rejects.toThrow('nothing was saved, as there is no out');
  });

  it('does not save weights that are not finite: the checkpoint before stays the newest', async () => {
    using run = await toyRun({ out, evalEvery: 8 });
    const error: unknown = await collect(run.trainer, ({ type, step }) => {
      if (type !== 'step' || step !== 3) return;
      const { bias } = run.model.output; // as an update that overflowed would leave it
      tidy(() => bias?.assign(tensor([Infinity, ...new Array<number>(10).fill(0)])));
    }).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'not-finite' });
    expect((await findCheckpoint(out)).step).toBe(2);
    expect((await nodeFileSystem().list(out)).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });

  it('stops at an evaluation that is not finite', async () => {
    using run = await toyRun({ out, evaluate: () => ({ loss: NaN }) });
    await expect(collect(run.trainer)).rejects.toThrow('the evaluation at step 3 gave loss NaN');
  });
});
