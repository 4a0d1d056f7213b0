import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, cpu, useBackend } from '@formers/backend';
import { TokenWindows } from '@formers/data';
import { memory } from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { findCheckpoint, logRecord, nodeFileSystem, type TrainerEvent, TrainingError } from '../src/index.ts';
import { weightsOf } from './toy-model.ts';
import { collect, ids, loadToy, optimizers, STEPS, temporaryFolder, toyRun, type ToyRunOptions } from './toy-run.ts';

/** Losses of steps and evaluations by what they are of. */
function lossesOf(events: readonly TrainerEvent[]): Record<string, number> {
  const losses: Record<string, number> = {};
  for (const event of events) {
    if (event.type === 'step') losses[`step ${event.step}`] = event.loss;
    if (event.type === 'evaluation') losses[`evaluation ${event.step}`] = event.metrics['loss']!;
  }
  return losses;
}

/** Runs until `step` steps are told or made, then stops by its signal. */
async function interrupted(step: number, options: ToyRunOptions): Promise<TrainerEvent[]> {
  const controller = new AbortController();
  let made = 0;
  using run = await toyRun({ ...options, signal: controller.signal });
  const { optimizer } = run;
  const original = optimizer.step.bind(optimizer);
  optimizer.step = (stepOptions) => {
    const result = original(stepOptions);
    if (++made === step) controller.abort();
    return result;
  };
  return await collect(run.trainer); // before the run is disposed
}

describe('Trainer', () => {
  let tensors = 0;
  let out = '';
  beforeAll(() => useBackend(cpu()));
  beforeEach(async () => {
    tensors = memory().numTensors;
    out = await temporaryFolder();
  });
  afterEach(() => rm(out, { recursive: true }));

  it('tells steps, evaluations, checkpoints and the end, in this order', async () => {
    {
      using run = await toyRun({ out });
      const events = await collect(run.trainer);
      expect(events.map(({ type, step }) => `${type} ${step}`)).toEqual([
        'step 1',
        'step 2',
        'checkpoint 2',
        'step 3',
        'evaluation 3',
        'step 4',
        'checkpoint 4',
        'step 5',
        'step 6',
        'evaluation 6',
        'checkpoint 6',
        'step 7',
        'step 8',
        'evaluation 8',
        'checkpoint 8',
        'done 8',
      ]);
      expect(events.at(-1)).toEqual({
        type: 'done',
        step: 8,
        reason: 'completed',
        best: { step: 8, metric: lossesOf(events)['evaluation 8'] },
        checkpoint: join(out, 'checkpoint-8'),
      });
      const steps = events.filter((event) => event.type === 'step');
      expect(steps.map(({ learningRate }) => learningRate).slice(0, 3)).toEqual([0, 0.025, 0.05]);
      expect(steps.every(({ tokensPerSecond, secondsLeft }) => tokensPerSecond > 0 && secondsLeft >= 0)).toBe(true);
      expect(steps.at(-1)?.secondsLeft).toBe(0);
      expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
    }
    expect(memory().numTensors).toBe(tensors);
  });

  it.each(
    (['AdamW', 'SGD'] as const).flatMap((kind) => Array.from({ length: STEPS - 1 }, (_, i) => [kind, i + 1] as const)),
  )('goes on as if never stopped, to the bit: %s, stopped after step %i', async (kind, step) => {
    const straight = { out: join(out, 'straight'), kind };
    const resumed = { out: join(out, 'resumed'), kind };
    using whole = await toyRun(straight);
    const expected = lossesOf(await collect(whole.trainer));

    const first = await interrupted(step, resumed);
    expect(first.at(-1)).toMatchObject({ type: 'done', step, reason: 'aborted' });
    using second = await toyRun({ ...resumed, resume: true });
    expect(second.trainer.step).toBe(step);
    const rest = await collect(second.trainer);

    expect({ ...lossesOf(first), ...lossesOf(rest) }).toEqual(expected);
    expect(weightsOf(second.model)).toEqual(weightsOf(whole.model));
    expect((await second.optimizer.state()).tensors).toEqual((await whole.optimizer.state()).tensors);
    for (const name of ['model.safetensors', 'optimizer.safetensors', 'trainer_state.json']) {
      const [a, b] = await Promise.all([straight, resumed].map((run) => readFile(join(run.out, 'checkpoint-8', name))));
      expect({ name, equal: a!.equals(b!) }).toEqual({ name, equal: true });
    }
  });

  it('drops a half accumulated step when the signal comes', async () => {
    const controller = new AbortController();
    {
      using run = await toyRun({ out, signal: controller.signal });
      const original = run.optimizer.accumulate.bind(run.optimizer);
      let micro = 0;
      run.optimizer.accumulate = (loss, options) => {
        original(loss, options);
        if (++micro === 7) controller.abort(); // the first half of step 4
      };
      const events = await collect(run.trainer);
      expect(events.at(-1)).toMatchObject({ type: 'done', step: 3, reason: 'aborted' });
      using whole = await toyRun({ out: join(out, 'straight') });
      const expected = await collect(whole.trainer);
      using rest = await toyRun({ out, resume: true });
      expect({ ...lossesOf(events), ...lossesOf(await collect(rest.trainer)) }).toEqual(lossesOf(expected));
    }
    expect(memory().numTensors).toBe(tensors);
  });

  it('goes on after two interruptions, and after a break', async () => {
    using whole = await toyRun({ out: join(out, 'straight') });
    const expected = lossesOf(await collect(whole.trainer));
    const events = await interrupted(2, { out });
    using second = await toyRun({ out, resume: true });
    for await (const event of second.trainer.run()) {
      events.push(event);
      if (event.step === 5) break;
    }
    events.push(...(await collect(second.trainer)));
    expect(lossesOf(events)).toEqual(expected);
    expect(weightsOf(second.model)).toEqual(weightsOf(whole.model));
  });

  it("writes a log, and Hugging Face's trainer_state.json", async () => {
    using run = await toyRun({ out });
    const events = await collect(run.trainer);
    const log = (await readFile(join(out, 'log.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(log.map((line) => JSON.parse(line) as unknown)).toEqual(
      events.flatMap((event) => (event.type === 'step' || event.type === 'evaluation' ? [logRecord(event)] : [])),
    );
    const state = JSON.parse(await readFile(join(out, 'checkpoint-8', 'trainer_state.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const bestStep = Object.entries(lossesOf(events))
      .filter(([name]) => name.startsWith('evaluation'))
      .toSorted(([, a], [, b]) => a - b)[0]?.[0];
    expect(state).toMatchObject({
      global_step: 8,
      max_steps: 8,
      eval_steps: 3,
      save_steps: 2,
      logging_steps: 1,
      num_input_tokens_seen: 8 * 2 * 3 * 5,
      best_metric: Math.min(
        ...Object.entries(lossesOf(events)).flatMap(([name, loss]) => (name.startsWith('evaluation') ? [loss] : [])),
      ),
    });
    expect(`evaluation ${String(state['best_global_step'])}`).toBe(bestStep);
    expect((state['log_history'] as unknown[])[0]).toEqual({
      step: 1,
      loss: expect.closeTo(2.4, 0) as number,
      learning_rate: 0,
      grad_norm: expect.any(Number) as number,
    });
    expect(run.trainer.logHistory).toEqual(state['log_history']);
    expect(state['best_model_checkpoint']).toBe('checkpoint-8');
    const early = JSON.parse(await readFile(join(out, 'checkpoint-4', 'trainer_state.json'), 'utf8')) as unknown;
    expect(early).toMatchObject({ best_global_step: 3, best_model_checkpoint: null }); // step 3 was not saved
  });

  it('keeps the newest checkpoints and the best', async () => {
    using run = await toyRun({
      out,
      saveEvery: 1,
      evalEvery: 1,
      saveLimit: 2,
      evaluate: stepwise([5, 4, 1, 2, 3, 3, 3, 3]),
    });
    await collect(run.trainer);
    expect((await nodeFileSystem().list(out)).filter((name) => name !== 'log.jsonl')).toEqual([
      'checkpoint-3',
      'checkpoint-7',
      'checkpoint-8',
    ]);
  });

  it('refuses a checkpoint of another run, naming all that differs', async () => {
    const config = { vocab_size: 11, tokenizer: 'abc', seed: 1 };
    await interrupted(2, { out, config });
    const refused = (options: ToyRunOptions): Promise<unknown> =>
      toyRun({ out, config, resume: true, ...options }).then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(await refused({})).toBeUndefined();
    const cases: [ToyRunOptions, string][] = [
      [
        { config: { ...config, tokenizer: 'xyz', vocab_size: 12 } },
        'tokenizer was "abc", is "xyz"; vocab_size was 11, is 12',
      ],
      [{ config: {} }, 'seed was 1, is absent'],
      [{ accumulationSteps: 3 }, 'trainer.accumulationSteps was 2, is 3'],
      [{ dataSeed: 6 }, 'trainer.data.seed was 5, is 6'],
      [{ kind: 'SGD' }, 'trainer.optimizer was "AdamW", is "SGD"'],
    ];
    for (const [options, message] of cases) {
      const error = await refused(options);
      expect(error).toBeInstanceOf(TrainingError);
      expect(error).toMatchObject({ code: 'mismatch' });
      expect((error as Error).message).toContain(message);
    }
    using fresh = await toyRun({ out, config });
    await expect(fresh.trainer.load(await findCheckpoint(out))).rejects.toThrow(
      'the weights of the model are not those of the checkpoint',
    );
  });

  it('refuses the folder of another run, unless it may overwrite', async () => {
    await interrupted(2, { out });
    using second = await toyRun({ out });
    await expect(collect(second.trainer)).rejects.toMatchObject({
      code: 'output',
      message: expect.stringContaining('checkpoint-2') as string,
    });
    using third = await toyRun({ out, overwrite: true, steps: 1 });
    await collect(third.trainer);
    expect(await nodeFileSystem().list(out)).toEqual(['checkpoint-1', 'log.jsonl']);
    expect((await readFile(join(out, 'log.jsonl'), 'utf8')).trimEnd().split('\n')).toHaveLength(2);
  });

  it.each([
    ['tokens', 5 / 15, 10 / 15],
    ['batches', 1 / 2, 1 / 2],
  ] as const)('takes the mean of a step over %s', async (average, first, second) => {
    const windows = new TokenWindows(ids, { seqLen: 5 });
    const sources = [windows.batches({ batchSize: 1 }), windows.batches({ batchSize: 2 })];
    using run = await toyRun({ average, steps: 2, data: { at: (index) => sources[index % 2]!.at(index) } });
    const original = run.optimizer.step.bind(run.optimizer);
    const losses: Promise<number[]>[] = [];
    run.optimizer.step = (options) => {
      const result = original(options);
      losses.push(result.losses());
      return result;
    };
    const steps = (await collect(run.trainer)).filter(({ type }) => type === 'step');
    expect(steps).toHaveLength(2);
    for (const [i, step] of steps.entries()) {
      const [a, b] = (await losses[i]) as [number, number];
      expect(Math.abs(a - b)).toBeGreaterThan(0.01); // or the two means would be the same
      expect(step).toMatchObject({ loss: expect.closeTo(first * a + second * b, 6) as number });
    }
  });

  it('sets later checkpoints aside when it goes on from an earlier one', async () => {
    using whole = await toyRun({ out });
    await collect(whole.trainer);
    const found = await findCheckpoint(join(out, 'checkpoint-4'));
    using run = await toyRun({ out });
    await loadToy(run.model, found.folder, nodeFileSystem());
    await run.trainer.load(found);
    for await (const event of run.trainer.run()) if (event.type === 'step' && event.step === 5) break;
    expect((await findCheckpoint(out)).step).toBe(4);
    expect(await nodeFileSystem().list(out)).toEqual([
      'checkpoint-2',
      'checkpoint-4',
      'log.jsonl',
      'superseded-checkpoint-6',
      'superseded-checkpoint-8',
    ]);
    await expect(run.trainer.load(found)).rejects.toMatchObject({ code: 'running' });
    await collect(run.trainer);
    expect(weightsOf(run.model)).toEqual(weightsOf(whole.model));
    expect((await findCheckpoint(out)).step).toBe(8);
  });

  it('goes on in another folder', async () => {
    await interrupted(4, { out: join(out, 'first') });
    const found = await findCheckpoint(join(out, 'first'));
    using run = await toyRun({ out: join(out, 'second') });
    await loadToy(run.model, found.folder, nodeFileSystem());
    await run.trainer.load(found);
    await collect(run.trainer);
    expect((await nodeFileSystem().list(join(out, 'second'))).filter((name) => name !== 'log.jsonl')).toEqual([
      'checkpoint-6',
      'checkpoint-8',
    ]);
    expect((await findCheckpoint(join(out, 'first'))).step).toBe(4);
  });

  it('refuses an output folder that cannot be', async () => {
    await writeFile(join(out, 'file'), '');
    using run = await toyRun({ out: join(out, 'file', 'run') });
    await expect(collect(run.trainer)).rejects.toMatchObject({ code: 'output' });
    expect(run.optimizer.numSteps).toBe(0);
  });

  it('cuts the log where a resumed run begins', async () => {
    await interrupted(4, { out });
    await rm(join(out, 'checkpoint-4'), { recursive: true });
    await writeFile(join(out, 'log.jsonl'), `${await readFile(join(out, 'log.jsonl'), 'utf8')}{"step": 1, "lo`);
    using run = await toyRun({ out, resume: true });
    await collect(run.trainer);
    const steps = (await readFile(join(out, 'log.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { step: number }).step);
    expect(steps).toEqual([1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 8]);
  });

  it.each([
    ['steps', 0],
    ['accumulationSteps', 1.5],
    ['evalEvery', -1],
    ['saveLimit', Number.NaN],
  ])('refuses %s = %d', async (name, value) => {
    await expect(toyRun({ [name]: value })).rejects.toThrow(ConfigError);
  });

  it('refuses a metric that is not there, a second loop, a used optimizer', async () => {
    using run = await toyRun({ bestMetric: 'accuracy' });
    await expect(collect(run.trainer)).rejects.toThrow('no metric "accuracy", but loss');
    using twice = await toyRun({});
    const loop = twice.trainer.run();
    await loop.next();
    await expect(twice.trainer.run().next()).rejects.toMatchObject({ code: 'running' });
    await loop.return();
    await expect(toyRun({ optimizer: twice.optimizer, out })).rejects.toThrow('has made');
  });

  it('goes on without a disk from the state of another optimizer, to the same bits', async () => {
    using whole = await toyRun({});
    const steps = (await collect(whole.trainer)).filter((event) => event.type === 'step');
    const stop = new AbortController();
    using first = await toyRun({ signal: stop.signal });
    await collect(first.trainer, (event) => {
      if (event.type === 'step' && event.step === 3) stop.abort();
    });
    const made = first.trainer.step;
    expect(made).toBeGreaterThanOrEqual(3);
    expect(made).toBeLessThan(STEPS);

    const { model } = first;
    using optimizer = optimizers.AdamW(model);
    optimizer.loadState(await first.optimizer.state());
    using second = await toyRun({
      model,
      optimizer,
      loss: (batch) => model.loss(batch),
      evaluate: () => ({ loss: 1 }),
    });
    const rest = (await collect(second.trainer)).filter((event) => event.type === 'step');
    const losses = (events: typeof steps): [number, number][] => events.map(({ step, loss }) => [step, loss]);
    expect(losses(rest)).toEqual(losses(steps.slice(made)));
    expect(weightsOf(model)).toEqual(weightsOf(whole.model));
  });

  it('measures speed and time left by its clock', async () => {
    let clock = 0;
    using run = await toyRun({ now: () => (clock += 1000), evalEvery: STEPS });
    const steps = (await collect(run.trainer)).filter((event) => event.type === 'step');
    expect(steps.map(({ tokensPerSecond }) => tokensPerSecond)).toEqual(steps.map(() => 30));
    expect(steps.map(({ secondsLeft }) => secondsLeft)).toEqual([7, 6, 5, 4, 3, 2, 1, 0]);
  });
});

/** An evaluation that gives these losses, one after another. */
function stepwise(losses: readonly number[]): () => { loss: number } {
  let i = 0;
  return () => ({ loss: losses[i++] as number });
}
