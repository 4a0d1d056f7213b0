import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TokenBatch, TokenWindows } from '@formers/data';
import { fromFloat32, parseSafetensors, serializeSafetensors, toFloat32 } from '@formers/checkpoints';
import { tensor, tidy } from '@tensorflow/tfjs-core';

import {
  AdamW,
  type FileSystem,
  findCheckpoint,
  meanLoss,
  nodeFileSystem,
  type Optimizer,
  SGD,
  Trainer,
  type TrainerEvent,
  type TrainerOptions,
  warmupCosine,
  type WeightAverage,
} from '../src/index.ts';
import { ToyModel } from './toy-model.ts';

/** A pattern with something to learn: each id is near the one before. */
export const ids: Int32Array = Int32Array.from({ length: 90 }, (_, i) => (i * i + 3 * i) % 11);

export const STEPS = 8;
export const optimizers: Record<'AdamW' | 'SGD', (model: ToyModel) => Optimizer> = {
  AdamW: (model) =>
    new AdamW(model, {
      learningRate: warmupCosine({ peak: 0.05, warmup: 2, total: STEPS }),
      weightDecay: 0.1,
      clipNorm: 0.5,
      seed: 3,
    }),
  SGD: (model) => new SGD(model, { learningRate: 0.3, momentum: 0.9, weightDecay: 0.01, clipNorm: 1, seed: 3 }),
};

export interface ToyRunOptions extends Partial<TrainerOptions<TokenBatch>> {
  kind?: keyof typeof optimizers;
  /** Goes on with the newest checkpoint in `out`. */
  resume?: boolean;
  dataSeed?: number;
  /** Makes the average of the weights; whoever asks for it disposes it. */
  averageOf?: (model: ToyModel) => WeightAverage;
}

export interface ToyRun extends Disposable {
  model: ToyModel;
  optimizer: Optimizer;
  trainer: Trainer<TokenBatch>;
}

/** A run of the toy model with dropout, evaluation and checkpoints: everything that a resumed run has to get right. */
export async function toyRun({
  kind = 'AdamW',
  resume = false,
  dataSeed = 5,
  averageOf,
  ...options
}: ToyRunOptions): Promise<ToyRun> {
  const { fileSystem = nodeFileSystem() } = options;
  const model = new ToyModel({ dropout: 0.2, seed: 1 });
  const optimizer = optimizers[kind](model);
  const { train } = split();
  const trainer = new Trainer<TokenBatch>({
    model,
    optimizer,
    data: train.batches({ batchSize: 3, seed: dataSeed, sampling: 'epoch' }),
    loss: (batch) => model.loss(batch),
    steps: STEPS,
    accumulationSteps: 2,
    evaluate: () => evaluate(model),
    evalEvery: 3,
    saveEvery: 2,
    logEvery: 1,
    save: (folder) => saveToy(model, folder, fileSystem),
    ...(averageOf && { weightAverage: averageOf(model) }),
    ...options,
  });
  if (resume) {
    const found = await findCheckpoint(options.out as string, { fileSystem });
    await loadToy(model, found.folder, fileSystem);
    await trainer.load(found);
  }
  return {
    model,
    optimizer,
    trainer,
    [Symbol.dispose]: () => {
      optimizer.dispose();
      model.dispose();
    },
  };
}

function split(): { train: TokenWindows; validation: TokenWindows } {
  return new TokenWindows(ids, { seqLen: 5, vocabSize: 11 }).split({ validation: 0.2 });
}

/** The evaluation of {@link toyRun}. */
export async function evaluate(model: ToyModel): Promise<{ loss: number }> {
  return { loss: await meanLoss(split().validation.sequential({ batchSize: 2 }), (batch) => model.loss(batch)) };
}

export async function saveToy(model: ToyModel, folder: string, fileSystem: FileSystem): Promise<void> {
  const tensors = await Promise.all(
    [...model.namedParameters()].map(
      async ([path, parameter]) => [path, fromFloat32(await parameter.data<'float32'>(), parameter.shape)] as const,
    ),
  );
  await fileSystem.write(join(folder, 'model.safetensors'), serializeSafetensors(tensors));
  await fileSystem.write(join(folder, 'config.json'), new TextEncoder().encode('{}\n'));
}

export async function loadToy(model: ToyModel, folder: string, fileSystem: FileSystem): Promise<void> {
  const { tensors } = parseSafetensors(await fileSystem.read(join(folder, 'model.safetensors')));
  for (const [path, parameter] of model.namedParameters()) {
    tidy(() => parameter.assign(tensor(toFloat32(tensors.get(path)!), parameter.shape)));
  }
}

/** Everything that a run tells; `onEvent` may stop it. */
export async function collect(
  trainer: Trainer<TokenBatch>,
  onEvent?: (event: TrainerEvent) => void,
): Promise<TrainerEvent[]> {
  const events: TrainerEvent[] = [];
  for await (const event of trainer.run()) {
    events.push(event);
    onEvent?.(event);
  }
  return events;
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'formers-training-'));
}
