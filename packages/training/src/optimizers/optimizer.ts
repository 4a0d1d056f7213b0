import { ConfigError, ShapeError, stepValues, valueAndGradients, withDropout } from '@formers/backend';
import {
  add,
  keep,
  scalar,
  type Scalar,
  type Tensor,
  type Tensor1D,
  tidy,
  type Variable,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';

import type { Schedule } from '../schedules/schedules.ts';
import {
  checkFlag,
  checkNumber,
  matches,
  type MomentShapes,
  type OptimizerOptions,
  type OptimizerState,
  type ParameterGroup,
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
  /** Of the gradients: -1 goes up. */
  readonly #sign: 1 | -1;
  readonly #learningRate: Schedule;
  readonly #slots: readonly Slot[];
  /** Numbers of the slots that share a learning rate. */
  readonly #groups: readonly SlotGroup[];
  readonly #checkTrained: () => void;
  #isChecked = false;
  #numSteps = 0;
  #gradients: Tensor[] = [];
  #losses: Scalar[] = [];
  #weights: number[] = [];
  /** Values of the last step, [gradient norm, scale, losses]. */
  #last: Tensor1D | undefined;

  /** @param options.moments What is remembered per parameter; starts at zero. */
  protected constructor(
    model: Trainable,
    {
      learningRate,
      weightDecay = 0,
      decay = (_, { rank }) => rank >= 2,
      clipNorm,
      groups = [],
      maximize = false,
      seed = 0,
      moments,
    }: OptimizerOptions & { moments: (path: string, parameter: Variable) => MomentShapes },
  ) {
    checkNumber('Optimizer: learningRate', typeof learningRate === 'number' ? learningRate : learningRate(0));
    checkNumber('Optimizer: weightDecay', weightDecay);
    if (clipNorm !== undefined) checkNumber('Optimizer: clipNorm', clipNorm, { low: Number.MIN_VALUE });
    if (!Number.isSafeInteger(seed)) throw new ConfigError(`Optimizer: seed must be a whole number, got ${seed}`);
    checkFlag('Optimizer: maximize', maximize);
    groups.forEach(checkGroup);
    const trained = [...model.namedParameters()].filter(([, parameter]) => parameter.trainable);
    if (trained.length === 0) throw new ConfigError('Optimizer: the model has no trainable parameter');
    this.seed = seed;
    this.#checkTrained = () => model.checkTrained?.();
    this.#clipNorm = clipNorm;
    this.#sign = maximize ? -1 : 1;
    this.#learningRate = asSchedule(learningRate);
    const groupOf = trained.map(([path, parameter]) =>
      groups.findIndex(({ match }) => matches(match, path, parameter)),
    );
    this.#slots = trained.map(([path, parameter], i) => ({
      path,
      parameter,
      weightDecay: groups[groupOf[i] as number]?.weightDecay ?? (decay(path, parameter) ? weightDecay : 0),
      moments: zeroVariables(moments(path, parameter)),
    }));
    this.#groups = [-1, ...groups.keys()]
      .map((group) => ({
        rate: rateOf(groups[group], this.#learningRate),
        slots: groupOf.flatMap((own, i) => (own === group ? [i] : [])),
      }))
      .filter(({ slots }) => slots.length > 0);
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
      const factor = (this.#sign * weight) / (this.#weights[0] ?? weight);
      const parameters = this.#slots.map(({ parameter }) => parameter);
      const result = withDropout({ seed: this.seed, step: this.#numSteps, microBatch: this.#losses.length }, () =>
        valueAndGradients(loss, parameters, factor === 1 ? {} : { outputGradient: scalar(factor) }),
      );
      if (result.value.rank !== 0)
        throw new ShapeError(`Optimizer: the loss must be a scalar, got [${result.value.shape.join(', ')}]`);
      if (!this.#isChecked) this.#checkTrained();
      this.#isChecked = true;
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
    const rates = this.#groups.map(({ rate }) => rate(this.#numSteps));
    for (const rate of [learningRate, ...rates]) checkNumber('Optimizer.step: learningRate', rate);
    const step = this.#numSteps + 1;
    const values = tidy(() => {
      const share = (weights[0] as number) / weights.reduce((sum, weight) => sum + weight, 0);
      const { values, gradientScale } = stepValues(this.#gradients, {
        losses: this.#losses,
        share,
        clipNorm: this.#clipNorm,
        previous: afterFinite ? this.#last : undefined,
      });
      this.#groups.forEach(({ slots: own }, group) => {
        const slots = own.map((i) => this.#slots[i] as Slot);
        const gradients = own.map((i) => this.#gradients[i] as Tensor);
        this.update(slots, { learningRate: rates[group] as number, step, gradients, gradientScale });
      });
      return keep(values);
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
        Object.entries(moments).map(([name, moment]): [string, Variable] => [`${name}.${path}`, moment]),
      ),
    );
  }
}

/** Slots that are updated together. */
interface SlotGroup {
  readonly rate: Schedule;
  readonly slots: readonly number[];
}

function asSchedule(rate: number | Schedule): Schedule {
  return typeof rate === 'number' ? () => rate : rate;
}

function rateOf({ learningRate, learningRateFactor = 1 }: Partial<ParameterGroup> = {}, shared: Schedule): Schedule {
  const own = learningRate === undefined ? shared : asSchedule(learningRate);
  return learningRateFactor === 1 ? own : (step) => own(step) * learningRateFactor;
}

function checkGroup({ learningRate, learningRateFactor = 1, weightDecay = 0 }: ParameterGroup, i: number): void {
  if (typeof learningRate === 'number') checkNumber(`Optimizer: groups[${i}].learningRate`, learningRate);
  checkNumber(`Optimizer: groups[${i}].learningRateFactor`, learningRateFactor);
  checkNumber(`Optimizer: groups[${i}].weightDecay`, weightDecay);
}

function zeroVariables(shapes: MomentShapes): Record<string, Variable> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, tidy(() => variable(zeros([...shape])))]),
  );
}
