import { mkdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import {
  duration,
  ENGINES,
  type OptionSpecs,
  parseOptions,
  runCommand,
  startEngine,
  describeOptions,
} from '@formers/cli';

import { gatherMaterial, type TaskFiles } from './measure/corpus.ts';
import { pretrainBert, SIZES } from './measure/pretrain-bert.ts';
import { type Comparison, comparisonText, writeIntoReadme } from './measure/report.ts';
import { runFinetune } from './measure/run-finetune.ts';

const OPTIONS = {
  pretrainSteps: { kind: 'whole', least: 1, help: 'steps of masked language modelling (default 2500)' },
  steps: { kind: 'whole', least: 1, help: 'steps of each fine-tuning (default 150)' },
  examples: { kind: 'whole', least: 8, help: 'mails and sentences that are learned (default 600)' },
  seeds: { kind: 'whole', least: 1, help: 'how many runs of each (default 3)' },
  work: { kind: 'text', help: 'folder for what is made (default checkpoints/measure-pretraining)' },
  write: { kind: 'flag', help: "put the table into the app's README" },
  engine: { kind: 'text', among: ENGINES, help: 'what to compute on (default auto)' },
  help: { kind: 'flag', help: 'this text' },
} as const satisfies OptionSpecs;

const HELP = `Measures what pre-training is worth: the same small BERT, fine-tuned from masked language modelling and from scratch.

  npx pnpm@12 measure:pretraining [options]

${describeOptions(OPTIONS)}
`;

await runCommand('measure:pretraining', async () => {
  const given = parseOptions(process.argv.slice(2), OPTIONS);
  if (given.help) return void process.stdout.write(HELP);
  const { pretrainSteps = 2500, steps = 150, examples = 600, seeds = 3, engine = 'auto' } = given;
  const work = given.work ?? path.join('checkpoints', 'measure-pretraining');
  const started = performance.now();
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const { name } = await startEngine({ engine });
  const material = await gatherMaterial(work);
  const model = path.join(work, 'bert');
  const pretraining = await pretrainBert(material.sentences, {
    folder: model,
    steps: pretrainSteps,
    onNote: (text) => console.log(`pre-training  ${text}`),
  });
  console.log(`pre-training  ${duration(pretraining.seconds)}`);

  const compare = async (task: string, files: TaskFiles, metric: string): Promise<Comparison> => {
    const results: Record<'pretrained' | 'scratch', number[]> = { pretrained: [], scratch: [] };
    for (let seed = 1; seed <= seeds; seed++)
      for (const start of ['pretrained', 'scratch'] as const) {
        const out = path.join(work, `${task}-${start}-${seed}`);
        const { best, seconds } = await runFinetune([
          ...['--task', task, '--model', model, '--data', files.train, '--validation-data', files.test],
          ...['--limit', String(examples), '--steps', String(steps), '--eval-every', String(steps)],
          ...['--max-length', String(SIZES.contextLength), '--too-long', 'cut', '--learning-rate', '5e-4'],
          ...['--seed', String(seed), '--engine', engine, '--out', out],
          ...(start === 'scratch' ? ['--from-scratch'] : []),
        ]);
        results[start].push(best[metric] ?? Number.NaN);
        console.log(`${task}  ${start}, seed ${seed}: ${metric} ${best[metric]?.toFixed(4)} in ${duration(seconds)}`);
      }
    return { task, metric, ...results };
  };
  const comparisons = [
    await compare('text-classification', material.spam, 'accuracy'),
    await compare('token-classification', material.brown, 'accuracy'),
  ];
  const text = comparisonText(comparisons, {
    pretraining,
    steps,
    examples,
    engine: name,
    cpu: `${os.cpus()[0]?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} threads`,
    date: new Date().toISOString().slice(0, 10),
    seconds: (performance.now() - started) / 1000,
  });
  console.log(`\n${text}`);
  await writeFile(path.join(work, 'results.md'), `${text}\n`);
  if (given.write) await writeIntoReadme(text);
});
