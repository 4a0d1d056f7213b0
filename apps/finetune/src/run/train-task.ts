import path from 'node:path';

import type { BackendChoice } from '@formers/backend';
import {
  createOptimizer,
  createReporter,
  describeEngine,
  duration,
  followRun,
  grouped,
  makeRunFolder,
  metricsLine,
  saveRunConfig,
  sessionOf,
  UsageError,
} from '@formers/cli';
import type { JsonObject } from '@formers/checkpoints';
import {
  checkpointLayers,
  type FoundCheckpoint,
  layerwiseDecay,
  Trainer,
  type TrainingBatch,
  WeightAverage,
} from '@formers/training';

import { withSteps } from '../config.ts';
import type { FinetuneConfig, GivenOptions, TaskConfig } from '../options.ts';
import type { ReadyTask, TaskModel } from '../tasks/task.ts';
import { openAdapters } from './adapters.ts';
import { keepBest } from './best-model.ts';
import { freezeWeights } from './freeze-weights.ts';
import { modelCard } from './model-card.ts';

/** What a run has besides its task. */
export interface RunRequest {
  readonly config: TaskConfig;
  /** The whole config of the run that goes on. */
  readonly saved: FinetuneConfig | undefined;
  readonly given: GivenOptions;
  readonly out: string;
  readonly checkpoint: FoundCheckpoint | undefined;
  readonly choice: BackendChoice;
  readonly signal: AbortSignal;
}

/** Trains a task that is ready, keeps its best state, and tells what came of it. */
export async function trainTask<Model extends TaskModel, Batch extends TrainingBatch>(
  task: ReadyTask<Model, Batch>,
  { given, saved, out, checkpoint, choice, signal, ...request }: RunRequest,
): Promise<void> {
  const { model, data, numExamples } = task;
  const config = saved ?? withSteps(request.config, { given, numExamples });
  const { steps, batchSize, accumulationSteps } = config;
  const perStep = batchSize * accumulationSteps;
  const evalEvery = given.evalEvery ?? Math.min(steps, Math.max(1, Math.ceil(numExamples / perStep)));
  const saveEvery = given.saveEvery ?? evalEvery;
  if (evalEvery % saveEvery !== 0)
    throw new UsageError(
      `--save-every must divide --eval-every (${evalEvery}), so that the best state is a checkpoint, got ${saveEvery}`,
    );

  using lora = config.lora ? await openAdapters(model, { config, checkpoint: checkpoint?.folder }) : undefined;
  const trained = lora ?? model;
  const frozen = config.freeze === undefined ? 0 : freezeWeights(model, config.freeze);
  using average = config.emaDecay > 0 ? new WeightAverage(model, { decay: config.emaDecay, warmup: true }) : undefined;
  using _ = given.gradientCheckpointing ? checkpointLayers(model) : undefined;
  const report = createReporter({ ...given, steps, unit: task.unit });
  const { layerwiseDecay: rate = 1 } = config;
  using optimizer = createOptimizer(trained, {
    ...config,
    ...(rate < 1 && { groups: layerwiseDecay(trained, { rate }) }),
  });
  const save = async (folder: string): Promise<void> => {
    await trained.savePretrained(folder);
    await task.saveProcessor(folder);
  };
  const trainer = new Trainer({
    model: trained,
    optimizer,
    data,
    loss: (batch) => task.loss(model, batch),
    steps,
    accumulationSteps,
    evaluate: async () => (await task.evaluate(model, { isLast: false })).metrics,
    evalEvery,
    bestMetric: task.best.metric,
    greaterIsBetter: task.best.greaterIsBetter,
    ...(given.patience !== undefined && { patience: given.patience }),
    saveEvery,
    ...(given.tensorBoard && { tensorBoard: true }),
    saveLimit: 1,
    out,
    save: async (folder) => {
      await saveRunConfig(out, { ...config, session: sessionOf(given) }); // not before: till then the folder may be another run's
      await save(folder);
    },
    ...(average && { weightAverage: average, loadBestAtEnd: true }),
    signal,
    config: { model: JSON.parse(JSON.stringify(model.config)) as JsonObject },
  });
  if (checkpoint) await trainer.load(checkpoint);
  await makeRunFolder(out);

  const { origin } = model as { origin?: { fresh: readonly string[] } };
  report.note(`engine      ${describeEngine(choice)}`);
  report.note(`model       ${config.model}: ${model.constructor.name}, ${grouped(model.numParameters)} parameters`);
  if (config.fromScratch) report.note('weights     fresh, as --from-scratch asks');
  else if (origin && origin.fresh.length > 0 && !checkpoint) report.note(`new         ${origin.fresh.join(', ')}`);
  if (lora)
    report.note(
      `adapters    ${grouped(lora.numParameters)} parameters, rank ${lora.config.rank}, for ${lora.config.targets.join(', ')}`,
    );
  if (frozen > 0) report.note(`frozen      ${grouped(frozen)} of them, by --freeze ${config.freeze}`);
  report.note(`data        ${task.facts.data}`);
  report.note(`split       ${task.facts.split}`);
  report.note(
    `steps       ${grouped(steps)} of ${grouped(perStep)} examples${checkpoint ? `, going on after step ${checkpoint.step}` : ''}`,
  );
  for (const skipped of checkpoint?.skipped ?? []) report.note(`skipped     ${skipped.folder}: ${skipped.reason}`);

  const facts = {
    parameters: model.numParameters,
    trained: trained.numParameters - frozen,
    examples_per_step: perStep,
    engine: choice.name,
  };
  const summary = await followRun(trainer, { report, steps, facts });
  if (summary.reason !== 'aborted') {
    const { merge = false } = given;
    const averaged = average && { save }; // the model has the best averages now
    const best = await keepBest(task, { config, out, newest: summary.checkpoint, merge, averaged });
    Object.assign(summary, { model: out, best_step: best.step, best: best.metrics, report: best.details });
    await modelCard(out, { config, best, engine: choice.name, seconds: summary.seconds, pipeline: task.pipeline });
    report.note(`\n${best.report}\n`);
    report.note(`best        step ${best.step}: ${metricsLine(best.metrics)}`);
    report.note(`finished    in ${duration(summary.seconds)}`);
    report.note(`model       ${out}`);
    if (config.lora && !merge)
      report.note(
        `use         npx pnpm@12 finetune --resume ${out} --merge  # writes the whole model, which pipeline opens`,
      );
    else
      report.note(
        `use         npx pnpm@12 run pipeline --model ${merge ? path.join(out, 'merged') : out} ${task.pipeline}`,
      );
  } else {
    report.note(`stopped     after step ${summary.step}, in ${duration(summary.seconds)}`);
    report.note(`checkpoint  ${summary.checkpoint ?? 'none'}`);
    if (summary.checkpoint !== undefined) report.note(`resume      npx pnpm@12 finetune --resume ${out}`);
  }
  report.summary(summary);
}
