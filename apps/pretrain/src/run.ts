import path from 'node:path';

import type { JsonObject } from '@formers/checkpoints';
import {
  checkSteps,
  createOptimizer,
  createReporter,
  describeEngine,
  duration,
  followRun,
  freeFolder,
  grouped,
  makeRunFolder,
  type OptionValues,
  readRunConfig,
  resumedConfig,
  resumedSession,
  saveRunConfig,
  type SESSION_OPTIONS,
  sessionOf,
  type SessionOptions,
  startEngine,
} from '@formers/cli';
import { checkpointLayers, findCheckpoint, Trainer, WeightAverage } from '@formers/training';

import { throughDeviceLoss } from './device-loss.ts';
import type { Family, RunConfig } from './family.ts';

/** What was given on the command line or in a file. */
export type GivenOptions = OptionValues<typeof SESSION_OPTIONS> & Readonly<Record<string, unknown>>;

/** Pre-trains a model, or goes on with a run, also after the GPU was lost. Returns when all steps are made or `signal` stopped it. */
export async function startRun(
  family: Family,
  { given, signal }: { given: GivenOptions; signal: AbortSignal },
): Promise<void> {
  await throughDeviceLoss(({ resume = given.resume, onFolder }) =>
    makeRun(family, { given: { ...given, ...(resume !== undefined && { resume }) }, signal, onFolder }),
  );
}

async function makeRun(
  family: Family,
  { given: asked, signal, onFolder }: { given: GivenOptions; signal: AbortSignal; onFolder: (out: string) => void },
): Promise<void> {
  const checkpoint = asked.resume === undefined ? undefined : await findCheckpoint(asked.resume);
  const saved = checkpoint && (await readRunConfig<SavedRun>(path.dirname(checkpoint.folder)));
  const given = saved ? resumedSession(asked, saved) : asked;
  const choice = await startEngine(given);
  const isSlow = choice.name === 'cpu';
  const config = saved ? savedConfig(family, { saved, given }) : family.configure(given, { isSlow });
  const { steps, accumulationSteps } = config;
  checkSteps(config, checkpoint);

  const run = await family.prepare(config, { checkpoint, isSlow });
  const { data, companion, perBatch, notes } = run;
  using model = run.model;
  using optimizer = createOptimizer(model, { ...config, ...(run.groups && { groups: run.groups }) });
  using average = config.emaDecay > 0 ? new WeightAverage(model, { decay: config.emaDecay, warmup: true }) : undefined;
  using _ = given.gradientCheckpointing ? checkpointLayers(model) : undefined;
  const report = createReporter({ ...given, steps, unit: run.speedUnit ?? perBatch.unit });
  const out = given.out ?? (checkpoint ? path.dirname(checkpoint.folder) : await freeFolder(run.name));
  onFolder(out);
  const save = async (folder: string): Promise<void> => {
    await model.savePretrained(folder);
    await companion.savePretrained(folder);
  };
  const saveCheckpoint = async (folder: string): Promise<void> => {
    await saveRunConfig(out, { ...config, session: sessionOf(given) }); // not before: till then the folder may be another run's
    await save(folder);
  };
  const trainer = new Trainer({
    model,
    optimizer,
    data,
    loss: (batch) => run.loss(batch),
    steps,
    accumulationSteps,
    evaluate: () => run.evaluate(),
    evalEvery: given.evalEvery ?? 250,
    saveEvery: given.saveEvery ?? 500,
    saveLimit: 2,
    out,
    save: saveCheckpoint,
    ...(average && { weightAverage: average }),
    ...(given.patience !== undefined && { patience: given.patience }),
    ...(given.tensorBoard && { tensorBoard: true }),
    signal,
    config: { ...run.identity, model: JSON.parse(JSON.stringify(model.config)) as JsonObject },
  });
  if (checkpoint) await trainer.load(checkpoint);
  await makeRunFolder(out);

  const perStep = perBatch.count * accumulationSteps;
  const resumed = checkpoint ? `, going on after step ${checkpoint.step}` : '';
  report.note(`engine      ${describeEngine(choice)}`);
  for (const [name, note] of Object.entries(notes)) report.note(`${name.padEnd(11)} ${note}`);
  report.note(`steps       ${grouped(steps)} of ${grouped(perStep)} ${perBatch.unit}${resumed}`);
  for (const skipped of checkpoint?.skipped ?? []) report.note(`skipped     ${skipped.folder}: ${skipped.reason}`);

  const facts = { parameters: model.numParameters, [`${perBatch.unit}_per_step`]: perStep, engine: choice.name };
  const summary = await followRun(trainer, { report, steps, facts });
  const isComplete = summary.reason !== 'aborted';
  if (isComplete && average) {
    average.swap();
    await save(path.join(out, 'averaged'));
  }
  if (isComplete && run.finish) {
    const ending = await run.finish();
    Object.assign(summary, ending.facts);
    report.note(`\n${ending.text}\n`);
  }
  if (summary.reason === 'stopped-early')
    report.note(`stopped     after step ${summary.step}: evaluations got no better`);
  report.note(`${isComplete ? 'finished' : `stopped after step ${summary.step}`} in ${duration(summary.seconds)}`);
  report.note(`checkpoint  ${summary.checkpoint ?? 'none'}`);
  if (isComplete && average) report.note(`averaged    ${path.join(out, 'averaged')}`);
  const isSaved = isComplete || summary.checkpoint !== undefined;
  for (const [name, command] of isSaved ? run.commands({ out, checkpoint: summary.checkpoint ?? out }) : [])
    report.note(`${name.padEnd(11)} npx pnpm@12 ${command}`);
  if (isSaved)
    report.note(`resume      npx pnpm@12 pretrain --resume ${out}${isComplete ? ` --steps ${2 * steps}` : ''}`);
  report.summary(summary);
}

/** What `run.json` has. */
interface SavedRun extends RunConfig {
  session?: SessionOptions;
}

/** The config of a run to go on with. */
function savedConfig(family: Family, { saved, given }: { saved: SavedRun; given: GivenOptions }): RunConfig {
  const complete = { ...family.earlier, ...saved };
  return resumedConfig(complete, family.expand?.(given) ?? given, family.options);
}
