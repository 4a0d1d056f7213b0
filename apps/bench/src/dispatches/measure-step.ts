import { GPT, type GPTOptions } from '@formers/gpt';
import { AdamW } from '@formers/training';
import { tensor2d } from '@tensorflow/tfjs-core';

import type { CallCounter } from './count-calls.ts';

/** A GPT-2 whose training steps are counted. */
export interface CountedModel {
  readonly title: string;
  readonly config: Omit<GPTOptions, 'numLayers'>;
  /** Two depths, so that what a layer costs can be told from the rest. */
  readonly depths: readonly [number, number];
  readonly batch: number;
  /** Steps before the one that is counted: our engine has made everything that it keeps after twelve. */
  readonly warmUp: number;
  /** Whether the commands are carried out, or only recorded. */
  readonly isRun: boolean;
}

/** Counts of a warm training step: of each layer, and of all that is outside of the layers. */
export interface StepCounts {
  readonly calls: Readonly<Record<string, PerLayer>>;
  /** Dispatches by the label of their pipeline. */
  readonly dispatches: Readonly<Record<string, PerLayer>>;
}

/** A count that grows with the layers. */
export interface PerLayer {
  readonly perLayer: number;
  readonly outside: number;
}

/** Counts a training step (forward, backward, clipping, AdamW) of a model on the active engine. */
export async function countStep(counter: CallCounter, model: CountedModel): Promise<StepCounts> {
  const [shallow, deep] = model.depths;
  const few = await countsOf(counter, model, shallow);
  const many = await countsOf(counter, model, deep);
  const split = (name: 'calls' | 'dispatches') =>
    Object.fromEntries(
      [...new Set([...few[name].keys(), ...many[name].keys()])].map((key): [string, PerLayer] => {
        const [less, more] = [few[name].get(key) ?? 0, many[name].get(key) ?? 0];
        const perLayer = (more - less) / (deep - shallow);
        return [key, { perLayer, outside: less - shallow * perLayer }];
      }),
    );
  return { calls: split('calls'), dispatches: split('dispatches') };
}

type Counts = Record<'calls' | 'dispatches', Map<string, number>>;

async function countsOf(
  counter: CallCounter,
  { config, batch, warmUp, isRun }: CountedModel,
  numLayers: number,
): Promise<Counts> {
  using model = new GPT({ ...config, numLayers }, { seed: 1 });
  using optimizer = new AdamW(model, { learningRate: 1e-3, weightDecay: 0.1, clipNorm: 1 });
  const { vocabSize, contextLength } = model.config;
  const values = Int32Array.from({ length: batch * contextLength }, (_, i) => (i * 7) % vocabSize);
  const ids = tensor2d(values, [batch, contextLength], 'int32');
  counter.isRunning = isRun;
  for (let step = 0; step <= warmUp; step++) {
    counter.reset();
    await optimizer.minimize(() => model.loss(ids, { targets: ids })).loss();
  }
  counter.isRunning = true;
  ids.dispose();
  return { calls: new Map(counter.calls), dispatches: new Map(counter.dispatches) };
}
