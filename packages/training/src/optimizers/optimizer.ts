import { ConfigError, globalNorm, gradientScale, ShapeError, valueAndGradients, withDropout } from '@formers/backend';
import {
  add,
  concat1d,
  greaterEqual,
  keep,
  minimum,
  mul,
  reshape,
  scalar,
  type Scalar,
  slice1d,
  stack,
  type Tensor,
  type Tensor1D,
  tidy,
  type Variable,
  variable,
  where,
  zeros,
} from '@tensorflow/tfjs-core';

import type { Schedule } from '../schedules/schedules.ts';
import {
  checkNumber,
  type OptimizerOptions,
  type OptimizerState,
  type Slot,
  type Trainable,
  type UpdateNumbers,
} from './optimizer-options.ts';
import { readState, writeState } from './optimizer-state.ts';
import { StepResult } from './step-result.ts';

/** Options of {@link Optimizer.accumulate}. */
export interface AccumulateOptions {
  /** Weight of this micro-batch among those of the step: its number of tokens, where its loss is their mean. Default 1. */
  weight?: number;
}

/** Options of {@link Optimizer.step}. */
export interface StepOptions {
  /** Changes nothing either if the step before was not finite, so that a loop may look one step later. Default false. */
  afterFinite?: boolean;
}

/**
 * Computes gradients and changes the parameters of a model by them. Subclasses say what is remembered per parameter, and how it is used.
 *
 * Nothing waits for the device. A step whose losses or gradients are not finite leaves parameters and moments as they are.
 *
 * @example
 * for (const { inputs, targets } of batches) {
 *   const result = optimizer.minimize(() => crossEntropy(model.call(inputs), targets));
 *   if (result.step % 50 === 0) console.log(await result.loss());
 * }
 */
export abstract class Optimizer implements Disposable {
  /** Name of the kind, as it is saved. */
  abstract readonly kind: string;
  readonly seed: number;
  readonly #clipNorm: number | undefined;
  readonly #learningRate: Schedule;
  readonly #slots: readonly Slot[];
  readonly #momentNames: readonly string[];
  #numSteps = 0;
  #gradients: Tensor[] = [];
  #losses: Scalar[] = [];
  #weights: number[] = [];
  /** Values of the last step, [gradient norm, scale, losses]. */
  #last: Tensor1D | undefined;

  /** @param options.moments Names of what is remembered per parameter; starts at zero. */
  protected constructor(
    model: Trainable,
    {
      learningRate,
      weightDecay = 0,
      decay = (_, { rank }) => rank >= 2,
      clipNorm,
      seed = 0,
      moments,
    }: OptimizerOptions & { moments: readonly string[] },
  ) {
    checkNumber('Optimizer: learningRate', typeof learningRate === 'number' ? learningRate : learningRate(0));
    checkNumber('Optimizer: weightDecay', weightDecay);
    if (clipNorm !== undefined) checkNumber('Optimizer: clipNorm', clipNorm, { low: Number.MIN_VALUE });
    if (!Number.isSafeInteger(seed)) throw new ConfigError(`Optimizer: seed must be a whole number, got ${seed}`);
    const trained = [...model.namedParameters()].filter(([, parameter]) => parameter.trainable);
    if (trained.length === 0) throw new ConfigError('Optimizer: the model has no trainable parameter');
    this.seed = seed;
    this.#clipNorm = clipNorm;
    this.#learningRate = typeof learningRate === 'number' ? () => learningRate : learningRate;
    this.#momentNames = moments;
    this.#slots = trained.map(([path, parameter]) => ({
      path,
      parameter,
      weightDecay: decay(path, parameter) ? weightDecay : 0,
      moments: moments.map(() => zeroVariable(parameter.shape)),
    }));
  }

  /** Changes parameters and moments, in place. Borrows the gradients. */
  protected abstract update(slots: readonly Slot[], numbers: UpdateNumbers): void;

  /** Steps made so far. */
  get numSteps(): number {
    return this.#numSteps;
  }

  /** The rate of the next step. */
  get learningRate(): number {
    return this.#learningRate(this.#numSteps);
  }

  /** One step on one batch: {@link accumulate}, then {@link step}. */
  minimize(loss: () => Scalar, options: StepOptions = {}): StepResult {
    this.accumulate(loss);
    return this.step(options);
  }

  /**
   * Adds the gradients of a micro-batch to those of the step, with dropout on. The step uses their mean by weight: with the numbers of tokens as weights, and
   * losses that are means over tokens, that is the gradient of all tokens as one batch; with equal weights, the mean of micro-batch means.
   *
   * @param loss Computes a scalar from the parameters.
   */
  accumulate(loss: () => Scalar, { weight = 1 }: AccumulateOptions = {}): void {
    checkNumber('Optimizer.accumulate: weight', weight);
    if (weight === 0) return; // nothing in it counts
    const { value, gradients } = tidy(() => {
      // Relative to the first micro-batch, so that a step of one, or of equal ones, needs no factor.
      const share = weight / (this.#weights[0] ?? weight);
      const parameters = this.#slots.map(({ parameter }) => parameter);
      const result = withDropout({ seed: this.seed, step: this.#numSteps, microBatch: this.#losses.length }, () =>
        valueAndGradients(loss, parameters, share === 1 ? {} : { outputGradient: scalar(share) }),
      );
      if (result.value.rank !== 0)
        throw new ShapeError(`Optimizer: the loss must be a scalar, got [${result.value.shape.join(', ')}]`);
      const sums = result.gradients.map((gradient, i) =>
        keep(this.#gradients[i] ? add(this.#gradients[i], gradient) : gradient),
      );
      return { value: keep(result.value), gradients: sums };
    });
    for (const gradient of this.#gradients) gradient.dispose();
    this.#gradients = gradients;
    this.#losses.push(value);
    this.#weights.push(weight);
  }

  /**
   * Changes the parameters by what was accumulated.
   *
   * @throws {@link ConfigError} when nothing was.
   */
  step({ afterFinite = false }: StepOptions = {}): StepResult {
    if (this.#losses.length === 0) throw new ConfigError('Optimizer.step: nothing was accumulated, or no token counts');
    const weights = this.#weights;
    const { learningRate } = this;
    checkNumber('Optimizer.step: learningRate', learningRate);
    const step = this.#numSteps + 1;
    const values = tidy(() => {
      const share = (weights[0] as number) / weights.reduce((sum, weight) => sum + weight, 0);
      const norm: Scalar = mul(globalNorm(this.#gradients), share);
      const losses = stack(this.#losses) as Tensor1D; // [micro-batches]
      let scale: Scalar = minimum(gradientScale(norm, this.#clipNorm), gradientScale(globalNorm([losses])));
      if (afterFinite && this.#last)
        scale = where(greaterEqual(reshape(slice1d(this.#last, 1, 1), []), 0), scale, scalar(-1));
      this.update(this.#slots, { learningRate, step, gradients: this.#gradients, gradientScale: mul(scale, share) });
      return keep(concat1d([stack([norm, scale]) as Tensor1D, losses]));
    });
    this.discard();
    this.#last?.dispose();
    this.#last = values;
    this.#numSteps = step;
    return new StepResult({ step, learningRate, weights }, values);
  }

  /** Drops what was accumulated. */
  discard(): void {
    for (const tensor of [...this.#gradients, ...this.#losses]) tensor.dispose();
    this.#gradients = [];
    this.#losses = [];
    this.#weights = [];
  }

  /** Counts back to `numSteps`, after the steps from there on turned out to have changed nothing. */
  rewind(numSteps: number): void {
    checkNumber('Optimizer.rewind: numSteps', numSteps, { high: this.#numSteps + 1 });
    this.#numSteps = numSteps;
  }

  /** Everything that the next steps depend on besides the parameters; reads the moments from the device. */
  async state(): Promise<OptimizerState> {
    const { kind, seed, numSteps } = this;
    return { kind, seed, numSteps, tensors: await readState(this.#moments()) };
  }

  /**
   * Goes on where another optimizer of the same kind stood.
   *
   * @throws {@link TrainingError} `state` when the state does not fit; then nothing changed.
   */
  loadState(state: OptimizerState): void {
    const { kind, seed } = this;
    writeState(this.#moments(), state, { kind, seed });
    this.#numSteps = state.numSteps;
  }

  /** Frees moments and gradients, not the parameters. Safe to call twice. */
  dispose(): void {
    this.discard();
    this.#last?.dispose();
    for (const moment of this.#moments().values()) moment.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #moments(): Map<string, Variable> {
    return new Map(
      this.#slots.flatMap(({ path, moments }) =>
        moments.map((moment, i): [string, Variable] => [`${this.#momentNames[i]}.${path}`, moment]),
      ),
    );
  }
}

function zeroVariable(shape: number[]): Variable {
  return tidy(() => variable(zeros(shape)));
}
