import type { Trainer, TrainingBatch } from '@formers/training';

import type { LogRecord, Reporter } from './reporter.ts';

/** What a run came to; the spelling of the last JSON record. */
export interface RunSummary extends LogRecord {
  reason: 'completed' | 'stopped-early' | 'aborted';
  seconds: number;
  [name: string]: unknown;
}

/** Makes the steps of a run and tells what happens. `facts` go to the summary as they are. */
export async function followRun<Batch extends TrainingBatch>(
  trainer: Trainer<Batch>,
  { report, steps, facts }: { report: Reporter; steps: number; facts: Readonly<Record<string, unknown>> },
): Promise<RunSummary> {
  const started = performance.now();
  const summary: RunSummary = { step: trainer.step, ...facts, reason: 'completed', seconds: 0 };
  try {
    for await (const event of trainer.run()) {
      switch (event.type) {
        case 'step': {
          const { step, loss, learningRate, gradientNorm, tokensPerSecond, secondsLeft } = event;
          const record = {
            step,
            loss,
            learning_rate: learningRate,
            grad_norm: gradientNorm,
            tokens_per_second: tokensPerSecond,
            seconds_left: secondsLeft,
          };
          report.progress(record);
          if (step % 10 === 0 || step === steps || step === 1) report.log(record);
          Object.assign(summary, { step, loss, tokens_per_second: tokensPerSecond });
          break;
        }
        case 'evaluation': {
          const record = Object.fromEntries(
            Object.entries(event.metrics).map(([name, value]) => [`eval_${name}`, value]),
          );
          report.log({ step: event.step, ...record });
          Object.assign(summary, record);
          break;
        }
        case 'checkpoint':
          report.log({ step: event.step, checkpoint: event.folder });
          break;
        case 'done':
          Object.assign(summary, { step: event.step, reason: event.reason, checkpoint: event.checkpoint });
      }
    }
  } finally {
    report.close();
  }
  summary.seconds = Math.round((performance.now() - started) / 100) / 10;
  return summary;
}
