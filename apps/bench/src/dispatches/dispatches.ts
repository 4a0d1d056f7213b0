import { parseArgs } from 'node:util';

import { tfjsBackend, useBackend } from '@formers/backend';
import { webgpu } from '@formers/backend-webgpu';
import { openDawn } from '@formers/cli';

import { UsageError } from '../options.ts';
import { CallCounter } from './count-calls.ts';
import { type CountedModel, countStep, type PerLayer, type StepCounts } from './measure-step.ts';

const HELP = `Counts the dispatches and calls of the WebGPU API that one training step of GPT-2 makes, per layer and outside of the layers.

  npx pnpm@12 bench dispatches [--ours] [--tiny] [--json]

  --ours   without stock tfjs, the other engine
  --tiny   a narrow model in place of GPT-2 itself, and few layers, to try it
  --json   one JSON document on standard output, with the dispatches by kernel
`;

/** GPT-2 as it is (dropout 0.1, embeddings shared with the head), in a width that any GPU in software can compute. */
const TINY: CountedModel = {
  title: 'width 16, 2 x 8 tokens',
  config: { vocabSize: 31, contextLength: 8, dim: 16, numHeads: 2, dropout: 0.1 },
  depths: [2, 12],
  batch: 2,
  warmUp: 12,
  isRun: true,
};

/** GPT-2 124M itself: products are split otherwise, the loss is computed in parts, the optimizer has two buffers. Recorded but not run, which takes no GPU, but 5 GB. */
const FULL: CountedModel = {
  title: 'GPT-2 itself, width 768, 12 layers, 50,257 words, 2 x 1,024 tokens, recorded only',
  config: { vocabSize: 50_257, contextLength: 1024, dim: 768, numHeads: 12, dropout: 0.1 },
  depths: [11, 12],
  batch: 2,
  warmUp: 12,
  isRun: false,
};

/** A third as wide and with few layers: as many dispatches, but for the second buffer of the optimizer. */
const NARROW: CountedModel = {
  ...FULL,
  title: 'width 256, 50,257 words, 2 x 1,024 tokens, recorded only',
  config: { ...FULL.config, dim: 256, numHeads: 4 },
  depths: [1, 2],
};

/** What was counted of one engine and model. */
interface Counted extends StepCounts {
  readonly engine: string;
  readonly model: string;
}

/** The command `bench dispatches`. */
export async function benchDispatches(args: readonly string[]): Promise<void> {
  const { ours, tiny, json, help } = parse(args);
  if (help) return void process.stdout.write(HELP);
  const gpu = await openDawn({ onNote: (text) => console.error(text) });
  const counter = new CallCounter();
  const counted: Counted[] = [];
  const count = async (engine: string, model: CountedModel): Promise<void> => {
    counted.push({ engine, model: model.title, ...(await countStep(counter, model)) });
    if (!json) process.stdout.write(text(counted.at(-1) as Counted));
  };
  await useBackend(webgpu({ gpu }));
  await count('formers-webgpu', tiny ? { ...TINY, depths: [1, 3] } : TINY);
  await count('formers-webgpu', tiny ? NARROW : FULL);
  if (!ours) {
    await useBackend(tfjsBackend('webgpu'));
    await count('stock tfjs-backend-webgpu', { ...TINY, depths: [2, 4], warmUp: 1 });
  }
  if (json) process.stdout.write(`${JSON.stringify({ date: new Date().toISOString(), counted }, null, 2)}\n`);
}

const OPTIONS = {
  ours: { type: 'boolean', default: false },
  tiny: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

function parse(args: readonly string[]): Readonly<Record<keyof typeof OPTIONS, boolean>> {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}; see bench dispatches --help`);
  }
}

function text({ engine, model, calls }: Counted): string {
  const line = (name: string, { perLayer, outside }: PerLayer): string =>
    `  ${name.padEnd(20)} ${perLayer.toFixed(1).padStart(7)} ${outside.toFixed(1).padStart(8)}\n`;
  const lines = Object.entries(calls).map(([name, counts]) => line(name, counts));
  return `${engine}; ${model}\n  ${'a training step'.padEnd(20)} ${'a layer'.padStart(7)} ${'outside'.padStart(8)}\n${lines.join('')}`;
}
