import { greaterEqual, reshape, slice1d, type Tensor, type Tensor1D, tidy, where } from '@tensorflow/tfjs-core';

import { TrainingError } from '../errors.ts';

/** Numbers of a step that the host knows without asking the device. */
export interface StepNumbers {
  /** Number of the step, from 1. */
  readonly step: number;
  /** The rate that it used. */
  readonly learningRate: number;
  /** Weight of each micro-batch in the loss. */
  readonly weights: readonly number[];
}

/**
 * What a training step gave. Its values stay on the device until they are asked for, so that nothing waits; the first question must come before the
 * next step starts, as that frees them.
 */
export class StepResult {
  /** Number of the step, from 1. */
  readonly step: number;
  /** The learning rate that it used. */
  readonly learningRate: number;
  readonly #weights: readonly number[];
  /** [gradient norm, scale of the gradients, loss of each micro-batch] */
  readonly #values: Tensor1D;
  #reading: Promise<Float32Array> | undefined;

  constructor({ step, learningRate, weights }: StepNumbers, values: Tensor1D) {
    this.step = step;
    this.learningRate = learningRate;
    this.#weights = weights;
    this.#values = values;
  }

  /** The loss: mean of the micro-batches, by their weights. */
  async loss(): Promise<number> {
    const losses = await this.losses();
    const total = this.#weights.reduce((sum, weight) => sum + weight, 0);
    return losses.reduce((sum, loss, i) => sum + (loss * (this.#weights[i] as number)) / total, 0);
  }

  /** The loss of each micro-batch. */
  async losses(): Promise<number[]> {
    return Array.from((await this.#read()).subarray(2));
  }

  /** The L2 norm of all gradients together, before clipping. */
  async gradientNorm(): Promise<number> {
    return (await this.#read())[0] as number;
  }

  /** Whether losses and gradients were finite. If not, the step changed nothing. */
  async finite(): Promise<boolean> {
    return ((await this.#read())[1] as number) >= 0;
  }

  /** `next` where the step was finite, else `before`: chosen on the device, before the next step starts. */
  ifFinite<T extends Tensor>(next: T, before: T): T {
    return tidy(() => where(greaterEqual(reshape(slice1d(this.#values, 1, 1), []), 0), next, before));
  }

  /** One transfer for all of them, started by the first question. */
  #read(): Promise<Float32Array> {
    if (!this.#reading && this.#values.isDisposed) {
      throw new TrainingError(
        'stale',
        `StepResult: the values of step ${this.step} are gone; ask for them before the next step starts`,
      );
    }
    this.#reading ??= this.#values.data<'float32'>();
    return this.#reading;
  }
}
