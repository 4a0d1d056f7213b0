import { transfer } from 'comlink';

import { modelFiles } from './model-files.ts';
import { Pausable } from './pausable.ts';
import { prepareRun } from './prepare-run.ts';
import type { Tested, TrainEnd, TrainerService, TrainEvent, TrainJob } from './protocol.ts';
import { problemWith } from './recipe.ts';
import { buffersOf } from './snapshot.ts';
import { TrainingRun } from './training-run.ts';

/**
 * What a worker of the page does to train. One training, one worker.
 *
 * @param clock Milliseconds.
 */
export function createTrainer(clock?: () => number): TrainerService {
  const pausable = new Pausable(clock);
  const stopping = new AbortController();
  let files: (() => Promise<Map<string, Uint8Array>>) | undefined;

  const run = async (job: TrainJob, tell: (event: TrainEvent) => void): Promise<TrainEnd> => {
    const { classes, beginning, settings, snapshot } = job;
    const { signal } = stopping;
    const problem = problemWith(classes, settings);
    if (problem !== undefined) return { reason: 'failed', code: 'job', message: problem };
    const { processor, ...parts } = await prepareRun(job, { signal, tell });
    const { model, labels, split } = parts;
    let tested: Tested | undefined;
    const listen = (event: TrainEvent): void => {
      if (event.type === 'evaluation') tested = event.tested;
      tell(event.type === 'snapshot' ? transfer(event, buffersOf(event.snapshot) as ArrayBuffer[]) : event);
    };
    using training = new TrainingRun({ ...parts, settings, snapshot, signal, tell: listen }, pausable);
    const end = await training.run();
    const facts = {
      labels,
      counts: classes.map(({ samples }) => samples.length),
      beginning: beginning.kind,
      beginningName: beginning.kind === 'scratch' ? undefined : beginning.source.name,
      settings,
      step: end.step,
      numParameters: model.numParameters,
      numHeldOut: split.heldOut.length,
      tested,
    };
    files = () => modelFiles(model, { processor, facts });
    return end;
  };

  const trained = async (): Promise<Map<string, Uint8Array>> => {
    if (!files) throw new Error('there is no trained model');
    return files();
  };

  return {
    train: async (job, onEvent) => {
      let told: unknown;
      const end = await run(job, (event) => (told = onEvent(event))).catch((cause: unknown) =>
        stopping.signal.aborted && cause === stopping.signal.reason ? CANCELLED : failureOf(cause),
      );
      await told; // another port than the answer's: the page would hear of the end before
      return end;
    },
    pause: () => pausable.pause(),
    resume: () => pausable.resume(),
    stop: () => {
      stopping.abort();
      pausable.resume();
    },
    files: async () => {
      const made = await trained();
      return transfer(
        made,
        [...made.values()].map(({ buffer }) => buffer as ArrayBuffer),
      );
    },
    zip: async () => {
      const { zipSync } = await import('fflate');
      const zipped = zipSync(Object.fromEntries(await trained()), { level: 0 }); // weights don't get smaller
      return transfer(zipped, [zipped.buffer]);
    },
  };
}

const CANCELLED: TrainEnd = { reason: 'cancelled', step: 0 };

function failureOf(cause: unknown): TrainEnd {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return { reason: 'failed', code, message: cause instanceof Error ? cause.message : String(cause) };
}
