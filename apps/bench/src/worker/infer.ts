import type { freeze as Freeze } from '@formers/training';
import { type Tensor, tensor2d, tensor4d } from '@tensorflow/tfjs-core';

import type { InferTask } from '../harness/tasks.ts';
import { digest, pattern, patternIds } from './pattern.ts';
import type { TimedTask } from './timed-task.ts';

/** A forward pass, or the generation of tokens. Only the model that is measured is imported. With `freezes`, its weights aren't to be trained, so that an engine may store them in halves. */
export async function prepareInference(task: InferTask, { freezes }: { freezes: boolean }): Promise<TimedTask> {
  const load = async <Model extends Freezable>(loaded: Promise<Model>): Promise<Model> => {
    const model = await loaded;
    if (freezes) (await import('@formers/training')).freeze(model);
    return model;
  };
  switch (task.model) {
    case 'gpt2':
    case 'tiny':
      return task.mode === 'decode' ? prepareDecoding(task, load) : preparePrefill(task, load);
    case 'vit':
      return prepareImage(task, load);
    case 'bert':
      return prepareEncoding(task, load);
  }
}

/** Waits for a model, and readies it. */
type Load = <Model extends Freezable>(loaded: Promise<Model>) => Promise<Model>;
type Freezable = Parameters<typeof Freeze>[0];

async function preparePrefill({ folder, length }: InferTask, load: Load): Promise<TimedTask> {
  const { GPT } = await import('@formers/gpt');
  const model = await load(GPT.fromPretrained(folder));
  const ids = tensor2d(patternIds(length, { seed: 1, below: model.config.vocabSize }), [1, length], 'int32');
  return forwardTask(() => model.call(ids, { lastOnly: true }), [model, ids]);
}

async function prepareImage({ folder }: InferTask, load: Load): Promise<TimedTask> {
  const { ViTForImageClassification } = await import('@formers/vit');
  const model = await load(ViTForImageClassification.fromPretrained(folder));
  const { imageSize, numChannels } = model.config;
  const [height, width] = imageSize;
  const images = tensor4d(pattern(numChannels * height * width, { seed: 1 }), [1, numChannels, height, width]);
  return forwardTask(() => model.call(images), [model, images]);
}

async function prepareEncoding({ folder, length }: InferTask, load: Load): Promise<TimedTask> {
  const { BertModel } = await import('@formers/bert');
  const model = await load(BertModel.fromPretrained(folder, { pooler: false }));
  const ids = tensor2d(patternIds(length, { seed: 1, below: model.config.vocabSize }), [1, length], 'int32');
  return forwardTask(() => model.call(ids).hidden, [model, ids]);
}

async function prepareDecoding({ folder, length, newTokens = 1 }: InferTask, load: Load): Promise<TimedTask> {
  const { generate } = await import('@formers/generation');
  const { GPT } = await import('@formers/gpt');
  const model = await load(GPT.fromPretrained(folder));
  const prompt = patternIds(length, { seed: 1, below: model.config.vocabSize });
  const write = async (): Promise<number[]> => {
    const result = await generate(model, [[...prompt]], { maxNewTokens: newTokens, doSample: false });
    return result.newTokens[0] ?? [];
  };
  const results = (await write()).map((id) => [id]);
  return {
    results,
    step: async () => void (await write()),
    [Symbol.dispose]: () => model.dispose(),
  };
}

/** A pass whose output is read, as its user would. */
async function forwardTask(forward: () => Tensor, owned: readonly { dispose(): void }[]): Promise<TimedTask> {
  const read = async (): Promise<ArrayLike<number>> => {
    const output = forward();
    const values = await output.data();
    output.dispose();
    return values;
  };
  return {
    results: digest(await read()),
    step: async () => void (await read()),
    [Symbol.dispose]: () => owned.forEach((item) => item.dispose()),
  };
}
