import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { cpu, useBackend } from '@formers/backend';
import { GPT } from '@formers/gpt';
import { type Collator, openRows, StreamBatches, TokenWindows, windowPacker } from '@formers/data';
import {
  memory,
  mul,
  type Scalar,
  sum,
  tensor1d,
  type Tensor2D,
  tensor2d,
  tidy,
  variable,
} from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import {
  AdamW,
  findCheckpoint,
  nodeFileSystem,
  SGD,
  Trainer,
  type TrainerEvent,
  TrainingError,
  WeightAverage,
} from '../src/index.ts';
import { ToyModel, weightsOf } from './toy-model.ts';
import { collect, ids, loadToy, saveToy, temporaryFolder, toyRun } from './toy-run.ts';

/** Windows as what the toy model reads and should say. */
const windowCollator: Collator<
  { ids: Int32Array },
  Disposable & Record<'inputs' | 'targets', Tensor2D> & { tokens: number }
> = {
  identity: 'windows',
  collate: (windows) => {
    const rows = (from: number, to: number): Tensor2D =>
      tensor2d(
        windows.map(({ ids }) => [...ids.subarray(from, to)]),
        undefined,
        'int32',
      );
    const [inputs, targets] = [rows(0, 5), rows(1, 6)];
    return {
      inputs,
      targets,
      tokens: 5 * windows.length,
      [Symbol.dispose]: () => [inputs, targets].forEach((x) => x.dispose()),
    };
  },
};

describe('Trainer', () => {
  let out = '';
  let tensors = 0;
  beforeAll(() => useBackend(cpu()));
  beforeEach(async () => {
    tensors = memory().numTensors;
    out = await temporaryFolder();
  });
  afterEach(async () => {
    const leaked = memory().numTensors - tensors;
    if (leaked !== 0) throw new Error(`${leaked} tensors leak`);
    await rm(out, { recursive: true });
  });

  /** Evaluations that give these losses, one after the other. */
  const losses = (...values: number[]) => {
    let i = 0;
    return () => ({ loss: values[i++] ?? NaN });
  };

  it('stops early after evaluations that are no better, also when it was interrupted in between', async () => {
    const evaluations = [3, 2, 2.1, 1.99, 2.5];
    const options = { patience: 3, minImprovement: 0.05, evalEvery: 1, saveEvery: 1 };
    using run = await toyRun({ out: join(out, 'a'), ...options, evaluate: losses(...evaluations) });
    const events = await collect(run.trainer);
    expect(events.at(-1)).toMatchObject({
      type: 'done',
      step: 5,
      reason: 'stopped-early',
      best: { step: 4, metric: 1.99 },
    });

    const controller = new AbortController();
    const first = { out: join(out, 'b'), ...options, signal: controller.signal };
    {
      using begun = await toyRun({ ...first, evaluate: losses(...evaluations) });
      await collect(begun.trainer, ({ type, step }) => type === 'checkpoint' && step === 3 && controller.abort());
    }
    using rest = await toyRun({
      out: join(out, 'b'),
      ...options,
      resume: true,
      evaluate: losses(...evaluations.slice(3)),
    });
    expect((await collect(rest.trainer)).at(-1)).toMatchObject({ step: 5, reason: 'stopped-early' });
    using again = await toyRun({ out: join(out, 'b'), ...options, resume: true, evaluate: losses(1) });
    expect((await collect(again.trainer)).map(({ type }) => type)).toEqual(['done']);
  });

  it('gives a PretrainedModel its best weights at the end, and keeps that checkpoint', async () => {
    using model = new GPT({ vocabSize: 11, contextLength: 5, dim: 4, numHeads: 1, numLayers: 1 }, { seed: 1 });
    using optimizer = new AdamW(model, { learningRate: 0.05 });
    const data = new TokenWindows(ids, { seqLen: 5 }).batches({ batchSize: 2, seed: 1 });
    const scores = [0.1, 0.9, 0.3, 0.9];
    let best: Map<string, Float32Array> | undefined;
    const calls: string[] = [];
    const trainer = new Trainer({
      model,
      optimizer,
      data,
      loss: ({ inputs, targets }) => model.loss(inputs, { targets }),
      evaluate: () => {
        if (scores.length === 3) best = weightsOf(model);
        return { accuracy: scores.shift() ?? 0 };
      },
      bestMetric: 'accuracy',
      greaterIsBetter: true,
      evalEvery: 3,
      saveEvery: 5,
      saveLimit: 1,
      steps: 12,
      out,
      loadBestAtEnd: true,
      on: {
        evaluation: ({ step }) => void calls.push(`evaluation ${step}`),
        done: ({ reason }) => Promise.resolve().then(() => void calls.push(reason)),
      },
    });
    const done = await trainer.train();
    expect(done).toMatchObject({ type: 'done', step: 12, best: { step: 6, metric: 0.9 } });
    expect(weightsOf(model)).toEqual(best);
    expect(calls).toEqual(['evaluation 3', 'evaluation 6', 'evaluation 9', 'evaluation 12', 'completed']);
    expect((await readdir(out)).filter((name) => name.startsWith('checkpoint')).toSorted()).toEqual([
      'checkpoint-12',
      'checkpoint-6',
    ]);
    const state = JSON.parse(await readFile(join(out, 'checkpoint-12/trainer_state.json'), 'utf8')) as object;
    expect(state).toMatchObject({ best_model_checkpoint: 'checkpoint-6', best_metric: 0.9, best_global_step: 6 });
  });

  it('goes on in the middle of a packed stream, exactly, and encodes no row again that it is done with', async () => {
    const lines = Array.from({ length: 40 }, (_, i) => `{"first": ${i}, "count": ${3 + ((i * 5) % 7)}}`);
    const file = new File([lines.join('\n')], 'numbers.jsonl');
    let encoded = 0;
    const run = async (name: string, { until, resume = false }: { until: number; resume?: boolean }) => {
      using model = new ToyModel({ seed: 1 });
      using optimizer = new AdamW(model, { learningRate: 0.05 });
      await using data = new StreamBatches(await openRows(file), {
        encode: (row) => {
          encoded++;
          const first = Number(row.get('first'));
          return { ids: Int32Array.from({ length: Number(row.get('count')) }, (_, i) => (first + i * i) % 11) };
        },
        packer: windowPacker({ seqLen: 5 }),
        packBuffer: 8,
        shuffleBuffer: 10,
        batchSize: 2,
        collator: windowCollator,
        seed: 3,
      });
      const controller = new AbortController();
      const trainer = new Trainer({
        model,
        optimizer,
        data,
        loss: (batch) => model.loss(batch),
        steps: 24,
        accumulationSteps: 2,
        save: (folder) => saveToy(model, folder, nodeFileSystem()),
        out: join(out, name),
        signal: controller.signal,
        on: { step: ({ step }) => (step === until ? controller.abort() : undefined) },
      });
      encoded = 0;
      if (resume) {
        const found = await findCheckpoint(join(out, name));
        await loadToy(model, found.folder, nodeFileSystem());
        await trainer.load(found);
        const { stateful_callbacks: callbacks } = JSON.parse(
          await readFile(join(found.folder, 'trainer_state.json'), 'utf8'),
        ) as { stateful_callbacks: { Formers: { dataPlace: { block: number } } } };
        expect(callbacks.Formers.dataPlace.block).toBeGreaterThan(5);
      }
      await trainer.train();
      return { step: trainer.step, encoded, weights: weightsOf(model) };
    };
    const whole = await run('whole', { until: Infinity });
    const first = await run('stopped', { until: 13 });
    expect(first.step).toBeLessThan(24);
    const rest = await run('stopped', { until: Infinity, resume: true });
    expect(rest.weights).toEqual(whole.weights);
    expect(rest.encoded).toBeLessThan(whole.encoded - first.encoded + 3 * 8);
  });

  it('says what loadBestAtEnd and patience need', () => {
    const weight = tidy(() => variable(tensor1d([1])));
    const model = { namedParameters: () => new Map([['weight', weight]]) };
    using optimizer = new SGD(model, { learningRate: 1 });
    const create = (options: object) => () =>
      new Trainer({
        model,
        optimizer,
        data: { at: () => ({ tokens: 1, [Symbol.dispose]() {} }) },
        loss: () => sum(weight),
        steps: 1,
        ...options,
      });
    const evaluate = () => ({ loss: 1 });
    expect(create({ loadBestAtEnd: true, evaluate, out })).toThrow('loadBestAtEnd needs the option restore');
    expect(create({ loadBestAtEnd: true })).toThrow('needs the options evaluate and out');
    expect(create({ patience: 0, evaluate })).toThrow('patience must be a whole number from 1');
    expect(create({ patience: 1 })).toThrow('patience needs the option evaluate');
    weight.dispose();
  });

  it('measures the average of the weights, and resumes it exactly', async () => {
    const options = { evalEvery: 2, saveEvery: 2, steps: 8 };
    const lossesOf = (events: TrainerEvent[]) =>
      events.flatMap((event) => (event.type === 'evaluation' ? [event.metrics['loss']] : []));
    using plain = await toyRun(options);
    const without = lossesOf(await collect(plain.trainer));

    const averaged = async (folder: string, from: { resume?: boolean; abortAt?: number } = {}) => {
      const controller = new AbortController();
      let average!: WeightAverage;
      using run = await toyRun({
        ...options,
        out: folder,
        signal: controller.signal,
        ...(from.resume && { resume: true }),
        averageOf: (model) => (average = new WeightAverage(model, { decay: 0.5 })),
      });
      const events = await collect(run.trainer, ({ type, step }) => {
        if (type === 'checkpoint' && step === from.abortAt) controller.abort();
      });
      const state = await average.state();
      average.dispose();
      return { losses: lossesOf(events), weights: weightsOf(run.model), state };
    };
    const whole = await averaged(join(out, 'whole'));
    expect(whole.weights).toEqual(weightsOf(plain.model)); // the run itself is the same
    expect(whole.losses).not.toEqual(without);
    const begun = await averaged(join(out, 'cut'), { abortAt: 4 });
    const rest = await averaged(join(out, 'cut'), { resume: true });
    expect([...begun.losses, ...rest.losses]).toEqual(whole.losses);
    expect(rest.state).toEqual(whole.state);
  });

  it('writes a TensorBoard file whose records have their checksums', async () => {
    using run = await toyRun({ out, tensorBoard: true, logEvery: 1, steps: 3, evalEvery: 3 });
    await collect(run.trainer);
    const [name = ''] = await readdir(join(out, 'runs'));
    expect(name).toMatch(new RegExp(`^events\\.out\\.tfevents\\.\\d+\\.${hostname()}$`));
    const bytes = await readFile(join(out, 'runs', name));
    let records = 0;
    for (let at = 0; at < bytes.length; records++) at += 16 + Number(bytes.readBigUInt64LE(at));
    expect(records).toBe(2 + 3 + 1); // version, start, steps, evaluation
    // As tensorboard 2.21 reads it: by-hand/read_events.py. The first record but for its clock:
    expect(bytes.readBigUInt64LE(0)).toBe(24n);
    expect(bytes.subarray(8, 12).toString('hex')).toBe('a37f4b22'); // masked CRC-32C of the length 24
    expect(bytes.subarray(21, 36).toString('latin1')).toBe('\x1a\rbrain.Event:2');
  });

  it('refuses a folder that another run writes to, and takes over what a killed one left', async () => {
    using first = await toyRun({ out });
    const begun = first.trainer.run();
    await begun.next();
    using second = await toyRun({ out });
    const error: unknown = await collect(second.trainer).catch((error: unknown) => error);
    expect(error).toMatchObject({ code: 'output' });
    expect((error as Error).message).toContain(`another run writes here (process ${process.pid} on ${hostname()})`);
    await begun.return();
    await collect(second.trainer);
    expect(await readdir(out)).not.toContain('.lock');

    const child = spawnSync(process.execPath, ['-e', '0']); // has ended
    for (const [i, left] of [
      '',
      JSON.stringify({ pid: child.pid, host: hostname(), token: 'x' }),
      JSON.stringify({ pid: process.pid, host: hostname(), token: 'earlier life' }),
    ].entries()) {
      const folder = join(out, `left-${i}`);
      await mkdir(folder);
      await writeFile(join(folder, '.lock'), left);
      using run = await toyRun({ out: folder, steps: 1 });
      expect((await collect(run.trainer)).at(-1)).toMatchObject({ reason: 'completed' });
    }
    await mkdir(join(out, 'far'));
    await writeFile(join(out, 'far/.lock'), JSON.stringify({ pid: 1, host: 'elsewhere', token: 'x' }));
    using far = await toyRun({ out: join(out, 'far') });
    await expect(collect(far.trainer)).rejects.toThrow('process 1 on elsewhere');
  });

  it.each(['data', 'weights'])(
    'stops before the update when %s have NaN, with the checkpoint before',
    async (where) => {
      const weight = tidy(() => variable(tensor1d([1, 2])));
      const model = { namedParameters: () => new Map([['weight', weight]]) };
      using optimizer = new SGD(model, { learningRate: 0.1 });
      const trainer = new Trainer({
        model,
        optimizer,
        data: {
          at: (step) => {
            const x = tensor1d([1, where === 'data' && step === 3 ? NaN : 1]);
            return { x, tokens: 1, [Symbol.dispose]: () => void x.dispose() };
          },
        },
        loss: ({ x }) => sum(mul(mul(x, weight), weight)) as Scalar,
        save: (folder) => writeFile(join(folder, 'model'), weight.dataSync()),
        steps: 6,
        saveEvery: 2,
        out,
      });
      const error: unknown = await (async () => {
        for await (const { type, step } of trainer.run()) {
          if (type === 'checkpoint' && step === 2 && where === 'weights') {
            const bad = tensor1d([NaN, 1]);
            weight.assign(bad);
            bad.dispose();
          }
        }
      })().catch((error: unknown) => error);
      expect(TrainingError.isInstance(error) && error.code).toBe('not-finite');
      expect((await findCheckpoint(out)).step).toBe(where === 'data' ? 3 : 2);
      if (where === 'data')
        expect([...weight.dataSync()].map((value) => value.toFixed(6))).toEqual(['0.512000', '1.024000']); // three steps of 0.8
      weight.dispose();
    },
  );
});
