import { ConfigError } from '@formers/backend';

import type { FoundCheckpoint } from '../checkpoints/run-folder.ts';
import { TrainingError } from '../errors.ts';
import type { StepResult } from '../optimizers/step-result.ts';
import { Breather } from './breathe.ts';
import {
  type CheckpointEvent,
  type DoneEvent,
  type EvaluationEvent,
  type LogRecord,
  logRecord,
  type Metrics,
  type StepEvent,
  type TrainerEvent,
} from './events.ts';
import { type Progress, RunStore } from './run-store.ts';
import { Throughput } from './throughput.ts';
import { bestMetricOf, checkTrainerOptions, type TrainerOptions, type TrainingBatch } from './trainer-options.ts';
import type { TrainerState } from './trainer-state.ts';

/** A step that was started, and its values on their way from the device. */
interface PendingStep {
  readonly step: number;
  readonly tokens: number;
  readonly learningRate: number;
  readonly values: Promise<{ loss: number; gradientNorm: number; finite: boolean }>;
}

/**
 * The loop that a user could write, with evaluation, checkpoints, logs and exact resume.
 *
 * @example
 * const trainer = new Trainer({ model, optimizer, data: windows.batches({ batchSize: 8 }), loss: (batch) => lossOf(batch), steps: 1000, out: 'runs/first' });
 * for await (const event of trainer.run()) {
 *   if (event.type === 'step') console.log(event.step, event.loss);
 * }
 */
export class Trainer<Batch extends TrainingBatch> {
  readonly #options: TrainerOptions<Batch>;
  readonly #store: RunStore | undefined;
  readonly #throughput: Throughput;
  #step = 0;
  #tokensSeen = 0;
  #logHistory: LogRecord[] = [];
  #best: TrainerState['best'];
  /** Evaluations in a row that were no better. */
  #worseEvaluations = 0;
  /** The step of the last evaluation; the untrained model is not evaluated. */
  #evaluatedStep = 0;
  #pending: PendingStep | undefined;
  #running = false;

  /** @throws {@link ConfigError} for options that make no run. */
  constructor(options: TrainerOptions<Batch>) {
    checkTrainerOptions(options);
    this.#options = options;
    this.#step = options.optimizer.numSteps;
    this.#evaluatedStep = this.#step;
    this.#store = options.out === undefined ? undefined : new RunStore(options, options.out);
    this.#throughput = new Throughput(options.now ?? (() => performance.now()));
  }

  /** Steps made. */
  get step(): number {
    return this.#step;
  }

  /** Everything that was logged, also by earlier parts of the run. */
  get logHistory(): readonly LogRecord[] {
    return this.#logHistory;
  }

  /**
   * Goes on where a checkpoint was saved; call it before {@link run}. The model must have the weights of the checkpoint already.
   *
   * @param checkpoint From `findCheckpoint`.
   * @throws {@link TrainingError} `mismatch` naming all that differs: another configuration, tokenizer, data, seed, optimizer, or other weights.
   */
  async load({ folder }: Pick<FoundCheckpoint, 'folder'>): Promise<void> {
    if (!this.#store) throw new ConfigError('Trainer.load: needs the option out');
    if (this.#step > 0 || this.#running)
      throw new TrainingError('running', 'Trainer.load: this trainer has begun already');
    const state = await this.#store.load(folder);
    this.#step = state.step;
    this.#evaluatedStep = state.step; // if it was due, it came before the checkpoint
    this.#tokensSeen = state.tokensSeen;
    this.#logHistory = [...state.logHistory];
    this.#best = state.best;
    this.#worseEvaluations = state.worseEvaluations;
  }

  /**
   * Makes the steps that are left. Leaving the loop stops the run without a checkpoint; calling `run` again goes on.
   *
   * @throws {@link TrainingError} `not-finite` when a loss or gradient is: the weights are those before that step, and saved if there is `out`. An engine that
   * lost its device ends the run with its own error, `DeviceLostError`: open the newest checkpoint on another one.
   */
  async *run(): AsyncGenerator<TrainerEvent, void, undefined> {
    for await (const event of this.#events()) {
      await this.#call(event);
      yield event;
    }
  }

  /** {@link run} for those who listen by callbacks alone. */
  async train(): Promise<DoneEvent> {
    let last: TrainerEvent | undefined;
    for await (const event of this.run()) last = event;
    return last as DoneEvent; // a run that doesn't throw ends with it
  }

  async *#events(): AsyncGenerator<TrainerEvent, void, undefined> {
    if (this.#running) throw new TrainingError('running', 'Trainer.run: this trainer runs already');
    this.#running = true;
    const { steps } = this.#options;
    const breather = new Breather();
    let unlock: (() => Promise<void>) | undefined;
    try {
      unlock = await this.#store?.lock();
      await this.#store?.prepare(this.#step);
      this.#throughput.pause();
      for (;;) {
        yield* this.#betweenSteps();
        if (this.#step >= steps || this.#isAborted || this.#isOutOfPatience) break;
        const before = this.#pending;
        const started = await this.#startStep();
        if (!started) break;
        this.#pending = started;
        yield* this.#tell(before);
        await breather.breathe();
      }
      yield* this.#tellLast();
      yield* this.#save();
      const reason = this.#step >= steps ? 'completed' : this.#isOutOfPatience ? 'stopped-early' : 'aborted';
      if (this.#options.loadBestAtEnd && reason !== 'aborted' && this.#best)
        await this.#store?.restore(this.#best.step);
      yield { type: 'done', step: this.#step, reason, checkpoint: this.#store?.newest, best: this.#best };
    } finally {
      await unlock?.();
      this.#options.optimizer.discard();
      this.#running = false;
    }
  }

  /** Evaluates and saves where that is due, and was not done already. */
  async *#betweenSteps(): AsyncGenerator<TrainerEvent, void, undefined> {
    const { steps, evaluate, evalEvery = steps, saveEvery = steps } = this.#options;
    const isDue = (every: number): boolean => this.#step % every === 0 || this.#step === steps;
    const evaluates = evaluate !== undefined && isDue(evalEvery) && this.#evaluatedStep !== this.#step;
    const saves = this.#store !== undefined && isDue(saveEvery);
    if (!evaluates && !saves) return;
    yield* this.#tellLast();
    let isBest = false;
    if (evaluates) {
      const event = await this.#evaluate();
      isBest = event.best;
      yield event;
    }
    if (saves || (isBest && this.#options.loadBestAtEnd)) yield* this.#save();
    this.#throughput.pause();
  }

  #call(event: TrainerEvent): void | Promise<void> {
    const { on = {} } = this.#options;
    switch (event.type) {
      case 'step':
        return on.step?.(event);
      case 'evaluation':
        return on.evaluation?.(event);
      case 'checkpoint':
        return on.checkpoint?.(event);
      case 'done':
        return on.done?.(event);
    }
  }

  get #isOutOfPatience(): boolean {
    const { patience = Infinity } = this.#options;
    return this.#worseEvaluations >= patience;
  }

  get #isAborted(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  /** Starts the next step; nothing when the signal came in between: then what was accumulated is dropped. */
  async #startStep(): Promise<PendingStep | undefined> {
    const { optimizer, data, loss, accumulationSteps = 1, average = 'tokens' } = this.#options;
    let tokens = 0;
    for (let micro = 0; micro < accumulationSteps; micro++) {
      using batch = await data.at(this.#step * accumulationSteps + micro);
      if (this.#isAborted) {
        optimizer.discard();
        return undefined;
      }
      optimizer.accumulate(() => loss(batch), { weight: average === 'tokens' ? batch.tokens : 1 });
      tokens += batch.tokens;
    }
    const result = optimizer.step({ afterFinite: true });
    this.#options.weightAverage?.update(result);
    this.#step = result.step;
    const values = readValues(result);
    values.catch(() => undefined); // whoever waits for them hears of it; perhaps nobody does, if the next step fails before
    return { step: result.step, tokens, learningRate: result.learningRate, values };
  }

  /** Waits for the values of the step that was started last, and tells them. */
  async *#tellLast(): AsyncGenerator<StepEvent, void, undefined> {
    const pending = this.#pending;
    this.#pending = undefined;
    yield* this.#tell(pending);
  }

  /** Waits for the values of a step, and tells them. */
  async *#tell(pending: PendingStep | undefined): AsyncGenerator<StepEvent, void, undefined> {
    if (!pending) return;
    const { step, tokens, learningRate, values } = pending;
    const { loss, gradientNorm, finite } = await values;
    if (!finite) return this.#halt({ step, loss, gradientNorm });
    this.#tokensSeen += tokens;
    this.#throughput.add(tokens);
    const { tokensPerSecond, secondsPerStep } = this.#throughput;
    const { steps, logEvery = 10 } = this.#options;
    const event: StepEvent = {
      type: 'step',
      step,
      loss,
      learningRate,
      gradientNorm,
      tokensPerSecond,
      secondsLeft: (steps - step) * secondsPerStep,
    };
    if (step % logEvery === 0 || step === steps) await this.#log(event);
    yield event;
  }

  async #evaluate(): Promise<EvaluationEvent> {
    const { bestMetric = 'loss', greaterIsBetter = false, minImprovement = 0 } = this.#options;
    const metrics = await this.#measure();
    const metric = bestMetricOf(metrics, { bestMetric, step: this.#step });
    const before = this.#best?.metric ?? (greaterIsBetter ? -Infinity : Infinity);
    const improvement = greaterIsBetter ? metric - before : before - metric;
    const best = improvement > 0;
    this.#worseEvaluations = improvement > minImprovement ? 0 : this.#worseEvaluations + 1;
    if (best) this.#best = { metric, step: this.#step };
    const event: EvaluationEvent = { type: 'evaluation', step: this.#step, metrics, best };
    await this.#log(event);
    this.#evaluatedStep = this.#step;
    return event;
  }

  /** With the averages of the weights, where there are some. */
  async #measure(): Promise<Metrics> {
    const { evaluate, weightAverage } = this.#options;
    weightAverage?.swap();
    try {
      return (await evaluate?.()) ?? {};
    } finally {
      weightAverage?.swap();
    }
  }

  async *#save(): AsyncGenerator<CheckpointEvent, void, undefined> {
    const folder = await this.#store?.save(this.#progress);
    if (folder !== undefined) yield { type: 'checkpoint', step: this.#step, folder };
  }

  get #progress(): Progress {
    return {
      step: this.#step,
      tokensSeen: this.#tokensSeen,
      logHistory: this.#logHistory,
      best: this.#best,
      worseEvaluations: this.#worseEvaluations,
    };
  }

  /** A step was not finite. It and the one after it changed nothing: the weights are those before it. */
  async #halt({ step, loss, gradientNorm }: { step: number; loss: number; gradientNorm: number }): Promise<never> {
    const { optimizer } = this.#options;
    optimizer.rewind(step - 1);
    this.#pending = undefined;
    this.#step = step - 1;
    try {
      await this.#store?.save(this.#progress);
    } catch (error) {
      if (!(TrainingError.isInstance(error) && error.code === 'not-finite')) throw error; // the weights are bad: the checkpoint before stays the newest
    }
    const saved = this.#store
      ? `the newest checkpoint is ${this.#store.newest ?? 'none'}`
      : 'nothing was saved, as there is no out';
    throw new TrainingError(
      'not-finite',
      `Trainer: step ${step} is not finite (loss ${loss}, gradient norm ${gradientNorm}); it changed nothing; ${saved}`,
    );
  }

  async #log(event: StepEvent | EvaluationEvent): Promise<void> {
    const record = logRecord(event);
    const { tokens_per_second: _, ...lasting } = record; // what depends on the clock is not a part of the state
    this.#logHistory.push(lasting);
    await this.#store?.log(record);
  }
}

async function readValues(result: StepResult): Promise<{ loss: number; gradientNorm: number; finite: boolean }> {
  const [loss, gradientNorm, finite] = await Promise.all([result.loss(), result.gradientNorm(), result.finite()]);
  return { loss, gradientNorm, finite };
}
