import { add, mul, type Tensor, tensor, tidy, type Variable, variable } from '@tensorflow/tfjs-core';

import { TrainingError } from '../errors.ts';
import { checkNumber, type StateTensor, type Trainable } from './optimizer-options.ts';
import { readState } from './optimizer-state.ts';
import type { StepResult } from './step-result.ts';

/** Options of {@link WeightAverage}. */
export interface WeightAverageOptions {
  /** Share of the average that a step keeps; default 0.999. */
  decay?: number;
  /** Whether early steps keep less, `(1 + step) / (10 + step)`, so that the first weights are soon forgotten; default false. */
  warmup?: boolean;
}

/**
 * The exponential moving average of a model's trainable parameters (Polyak and Juditsky 1992), which often is the better model.
 *
 * @example
 * const average = new WeightAverage(model, { decay: 0.99 });
 * average.update(optimizer.minimize(loss)); // after each step
 * average.swap(); // the model has the averages, until the next swap
 */
export class WeightAverage implements Disposable {
  readonly decay: number;
  readonly warmup: boolean;
  readonly #pairs: readonly { path: string; parameter: Variable; average: Variable }[];
  #isSwapped = false;

  constructor(model: Trainable, { decay = 0.999, warmup = false }: WeightAverageOptions = {}) {
    checkNumber('WeightAverage: decay', decay, { high: 1 });
    this.decay = decay;
    this.warmup = warmup;
    this.#pairs = [...model.namedParameters()]
      .filter(([, { trainable }]) => trainable)
      .map(([path, parameter]) => ({ path, parameter, average: copyOf(parameter) }));
  }

  /** Takes in the weights after a step; a step that was not finite changes nothing. */
  update(result: StepResult): void {
    const { step } = result;
    const decay = this.warmup ? Math.min(this.decay, (1 + step) / (10 + step)) : this.decay;
    for (const { parameter, average } of this.#pairs)
      tidy(() => average.assign(result.ifFinite(add(mul(average, decay), mul(parameter, 1 - decay)), average)));
  }

  /** Exchanges the weights of the model and the averages. */
  swap(): void {
    for (const { parameter, average } of this.#pairs)
      tidy(() => {
        const before = parameter.clone();
        parameter.assign(average);
        average.assign(before);
      });
    this.#isSwapped = !this.#isSwapped;
  }

  /** Whether the model has the averages now. */
  get isSwapped(): boolean {
    return this.#isSwapped;
  }

  /** The averages by the paths of the parameters; not while they are swapped. */
  state(): Promise<Map<string, StateTensor>> {
    return readState(new Map(this.#pairs.map(({ path, average }) => [path, average])));
  }

  /** @throws {@link TrainingError} `state` when the averages are of another model. */
  loadState(state: ReadonlyMap<string, StateTensor>): void {
    for (const { path, average } of this.#pairs)
      if (state.get(path)?.shape.join() !== average.shape.join())
        throw new TrainingError('state', `WeightAverage.loadState: ${path} must be [${average.shape.join(', ')}]`);
    for (const { path, average } of this.#pairs)
      tidy(() => average.assign(tensor((state.get(path) as StateTensor).values, average.shape)));
  }

  /** Frees the averages. Safe to call twice. */
  dispose(): void {
    for (const { average } of this.#pairs) average.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function copyOf(parameter: Variable): Variable {
  return tidy(() => variable(mul(parameter as Tensor, 1)));
}
