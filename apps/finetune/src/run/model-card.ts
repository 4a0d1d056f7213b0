import { writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { FinetuneConfig, TaskName } from '../options.ts';
import type { BestModel } from './best-model.ts';

/** What a model card tells. */
export interface CardFacts {
  readonly config: FinetuneConfig;
  readonly best: BestModel;
  readonly engine: string;
  readonly seconds: number;
  /** What follows `npx pnpm@12 run pipeline --model <folder>`. */
  readonly pipeline: string;
}

/** The names of the tasks on the hub. */
const HUB_TASKS: Readonly<Record<TaskName, string>> = {
  'text-classification': 'text-classification',
  'token-classification': 'token-classification',
  'question-answering': 'question-answering',
  seq2seq: 'text2text-generation',
  'causal-lm': 'text-generation',
  'image-classification': 'image-classification',
};

/** What is told of a run, in this order. */
const SETTINGS = [
  'steps',
  'batchSize',
  'accumulationSteps',
  'optimizer',
  'learningRate',
  'schedule',
  'warmupSteps',
  'weightDecay',
  'beta2',
  'clipNorm',
  'emaDecay',
  'labelSmoothing',
  'freeze',
  'layerwiseDecay',
  'problemType',
  'maxLength',
  'tooLong',
  'prefix',
  'limit',
  'loraRank',
  'loraAlpha',
  'loraDropout',
  'loraTargets',
  'seed',
] as const;

/** Writes the README.md of a model: where it comes from, what it was trained on and how, and what held-out data say of it. */
export async function modelCard(out: string, facts: CardFacts): Promise<void> {
  await writeFile(path.join(out, 'README.md'), cardText(path.basename(path.resolve(out)), facts));
}

/** The text of a model card, with the front matter that the hub reads. */
export function cardText(name: string, { config, best, engine, seconds, pipeline }: CardFacts): string {
  const { task, model, data, validationData, fromScratch, lora } = config;
  const frontMatter = [
    '---',
    `library_name: ${lora ? 'peft' : 'transformers'}`,
    ...(fromScratch ? [] : [`base_model: ${JSON.stringify(model)}`]),
    `pipeline_tag: ${HUB_TASKS[task]}`,
    'tags:',
    '- formers',
    ...(lora ? ['- lora'] : []),
    'model-index:',
    `- name: ${JSON.stringify(name)}`,
    '  results:',
    '  - task:',
    `      type: ${HUB_TASKS[task]}`,
    '    dataset:',
    `      name: ${JSON.stringify(data.join(', '))}`,
    `      type: ${JSON.stringify(data.join(', '))}`,
    '    metrics:',
    ...Object.entries(best.metrics).flatMap(([metric, value]) => [
      `    - type: ${metric}`,
      `      value: ${Number(value.toPrecision(6))}`,
    ]),
    '---',
  ];
  const start = fromScratch ? `trained from scratch, with the shape of \`${model}\`` : `\`${model}\`, fine-tuned`;
  const heldOut = validationData ?? `a share of ${config.validation}, drawn with seed ${config.seed}`;
  const settings = SETTINGS.flatMap((key) => {
    const value = config[key];
    return value === undefined ? [] : [`| ${key} | ${String(value)} |`];
  });
  const sections = [
    frontMatter.join('\n'),
    `# ${name}`,
    `${start[0]?.toUpperCase()}${start.slice(1)}${lora ? ' by low-rank adapters' : ''} for ${task} on ${data.map((file) => `\`${file}\``).join(', ')}.`,
    '## Evaluation',
    `On held-out data (${heldOut}), the state after step ${best.step}, the best of the run:`,
    [
      '| metric | value |',
      '| --- | --- |',
      ...Object.entries(best.metrics).map(([metric, value]) => `| ${metric} | ${value.toPrecision(5)} |`),
    ].join('\n'),
    ['```', best.report, '```'].join('\n'),
    '## Training',
    ['| setting | value |', '| --- | --- |', ...settings].join('\n'),
    `With [Formers](https://www.npmjs.com/package/@formers/training) on its engine ${engine}, in ${Math.round(seconds)} seconds.`,
    '## Use',
    ...(lora ? ['Adapters for PEFT; the whole model is in `merged`, once `finetune --merge` wrote it:'] : []),
    ['```sh', `npx pnpm@12 run pipeline --model ${name}${lora ? '/merged' : ''} ${pipeline}`, '```'].join('\n'),
  ];
  return `${sections.join('\n\n')}\n`;
}
