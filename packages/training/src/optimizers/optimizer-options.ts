import { ConfigError } from '@formers/backend';
import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs-core';

import type { Schedule } from '../schedules/schedules.ts';

/** What has parameters to train: a `Module`, or anything that names variables. Those that are not `trainable` stay as they are. */
export interface Trainable {
  namedParameters(): Map<string, Variable>;
  /** Called after the first loss; throws when something of it took no part, which would never learn. */
  checkTrained?(): void;
}

/** Options of every optimizer. */
export interface OptimizerOptions {
  /** Constant, or by the number of the step from 0. */
  learningRate: number | Schedule;
  weightDecay?: number;
  /** Which parameters decay; default those of two or more dimensions. */
  decay?: (path: string, parameter: Variable) => boolean;
  /** Largest global norm of the gradients; longer ones are scaled down to it. Default: no limit. */
  clipNorm?: number;
  /** Parameters with a learning rate or weight decay of their own; the first group that matches counts. */
  groups?: readonly ParameterGroup[];
  /** Goes up the gradients, to where the loss is largest; default false. */
  maximize?: boolean;
  /** Of dropout; default 0. */
  seed?: number;
}

/** Parameters by their paths: those that a pattern is found in, or that a function says yes to. */
export type ParameterMatch = RegExp | ((path: string, parameter: Variable) => boolean);

/** What is different for some parameters. */
export interface ParameterGroup {
  match: ParameterMatch;
  /** Constant, or by the number of the step from 0; default that of the optimizer. */
  learningRate?: number | Schedule;
  /** Factor of the learning rate; default 1. */
  learningRateFactor?: number;
  /** Of all parameters in the group, whatever `decay` says; default that of the optimizer. */
  weightDecay?: number;
}

/** Whether a parameter is meant. */
export function matches(match: ParameterMatch, path: string, parameter: Variable): boolean {
  return match instanceof RegExp ? path.search(match) >= 0 : match(path, parameter);
}

/** What an optimizer has to remember between steps. */
export interface OptimizerState {
  /** Name of the class. */
  readonly kind: string;
  /** Steps made. */
  readonly numSteps: number;
  /** Of dropout. */
  readonly seed: number;
  /** Values by name, such as `exp_avg.layers.0.weight`, as the optimizer keeps them. */
  readonly tensors: ReadonlyMap<string, StateTensor>;
}

/** Values of a {@link OptimizerState}. */
export interface StateTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Shapes of what an optimizer remembers of a parameter, by names such as `exp_avg`. */
export type MomentShapes = Readonly<Record<string, readonly number[]>>;

/** A parameter and what belongs to it. */
export interface Slot {
  readonly path: string;
  readonly parameter: Variable;
  /** 0 where the parameter does not decay. */
  readonly weightDecay: number;
  /** What the optimizer remembers of it, by name; zeros at first. */
  readonly moments: Readonly<Record<string, Variable>>;
}

/** Numbers of one update. */
export interface UpdateNumbers {
  readonly learningRate: number;
  /** Counts from 1. */
  readonly step: number;
  /** One per slot, borrowed. */
  readonly gradients: readonly Tensor[];
  /** Factor of all gradients; negative = change nothing. */
  readonly gradientScale: Scalar;
}

/** @throws {@link ConfigError} for what is neither true nor false. */
export function checkFlag(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new ConfigError(`${name} must be true or false, got ${JSON.stringify(value)}`);
}

/** @throws {@link ConfigError} unless `low <= value`, and `value < high` where there is one. */
export function checkNumber(
  name: string,
  value: number,
  { low = 0, high = Infinity }: { low?: number; high?: number } = {},
): void {
  if (value >= low && value < high) return;
  throw new ConfigError(`${name} must be a number in [${low}, ${high}), got ${value}`);
}
