import { rm } from 'node:fs/promises';
import { Batches, type Collator } from '@formers/data';
import { type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

import {
  Adafactor,
  AdamW,
  findCheckpoint,
  Lion,
  Muon,
  type Optimizer,
  SGD,
  type Trainable,
  Trainer,
  warmupLinear,
} from '../src/index.ts';
import { families } from './families.ts';
import { weightsOf } from './toy-model.ts';
import { temporaryFolder } from './toy-run.ts';

export const STEPS = 6;
const MICRO_BATCHES = 2;
const seed = 3;

/** All optimizers, with everything that they remember. */
export const optimizers = {
  AdamW: (model) =>
    new AdamW(model, { learningRate: warmupLinear({ peak: 0.02, warmup: 2, total: STEPS }), clipNorm: 1, seed }),
  AMSGrad: (model) => new AdamW(model, { learningRate: 0.02, amsgrad: true, maximize: true, seed }),
  SGD: (model) => new SGD(model, { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1, seed }),
  Adafactor: (model) => new Adafactor(model, { warmupInit: true, beta1: 0.9, weightDecay: 0.1, seed }),
  Lion: (model) => new Lion(model, { learningRate: 1e-3, weightDecay: 1, seed }),
  Muon: (model) => new Muon(model, { learningRate: 0.02, adamW: { learningRate: 1e-3 }, seed }),
} satisfies Record<string, (model: Trainable) => Optimizer>;

export interface ResumeCase {
  family: keyof typeof families;
  optimizer: keyof typeof optimizers;
}

/** Where a run is stopped: after `step` steps, or in the middle of the accumulation of the next one. */
export interface Interruption {
  step: number;
  inMiddle: boolean;
}

interface Rows extends Disposable {
  ids: Tensor2D;
  tokens: number;
}

/** 7 rows in batches of 2: 3 batches an epoch, so that a step has batches of two epochs at every other step. */
function data(signalAt: (index: number) => void) {
  const rows = Array.from({ length: 7 }, (_, row) => Array.from({ length: 5 }, (_, i) => (row * row + 3 * i + 1) % 11));
  const collator: Collator<number[], Rows> = {
    identity: 'rows',
    collate: (items) => {
      const ids = tensor2d([...items], [items.length, 5], 'int32');
      return { ids, tokens: 10, [Symbol.dispose]: () => ids.dispose() };
    },
  };
  const batches = new Batches(rows, { collator, batchSize: 2, seed: 7 });
  return {
    identity: batches.identity,
    at: (index: number) => {
      signalAt(index);
      return batches.at(index);
    },
  };
}

/** A run, or what is left of one; stopped at an interruption, if one is given. Returns weights and moments. */
async function run(
  { family, optimizer: kind }: ResumeCase,
  { out, resume, stopAt }: { out: string; resume: boolean; stopAt: Interruption | undefined },
): Promise<{ step: number; weights: Map<string, Float32Array>; moments: Map<string, Float32Array> }> {
  const { create, open, loss } = families[family];
  const found = resume ? await findCheckpoint(out) : undefined;
  using model = found ? await open(found.folder) : create();
  using optimizer: Optimizer = optimizers[kind](model);
  const controller = new AbortController();
  const stopIndex = stopAt && stopAt.step * MICRO_BATCHES + Number(stopAt.inMiddle);
  const trainer = new Trainer({
    model,
    optimizer,
    data: data((index) => index === stopIndex && controller.abort()),
    loss: ({ ids }) => loss(model, ids),
    steps: STEPS,
    accumulationSteps: MICRO_BATCHES,
    out,
    saveLimit: 1,
    signal: controller.signal,
  });
  if (found) await trainer.load(found);
  await trainer.train();
  const { tensors } = await optimizer.state();
  return {
    step: trainer.step,
    weights: weightsOf(model),
    moments: new Map([...tensors].map(([name, { values }]) => [name, values.slice()])),
  };
}

/** A run that is stopped, once or more, ends with the bits of one that isn't. */
export async function checkExactResume(which: ResumeCase, interruptions: readonly Interruption[][]): Promise<void> {
  const folder = await temporaryFolder();
  const whole = await run(which, { out: `${folder}/whole`, resume: false, stopAt: undefined });
  expect(whole.step).toBe(STEPS);
  for (const [i, chain] of interruptions.entries()) {
    const out = `${folder}/${i}`;
    for (const [part, stopAt] of [...chain, undefined].entries()) {
      const result = await run(which, { out, resume: part > 0, stopAt });
      expect(result.step).toBe(stopAt?.step ?? STEPS);
      if (!stopAt) expect(result, JSON.stringify(chain)).toEqual(whole);
    }
  }
  await rm(folder, { recursive: true });
}
