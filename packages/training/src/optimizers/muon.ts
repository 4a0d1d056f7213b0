import { ConfigError, type MuonSlot, muonStep } from '@formers/backend';
import type { Tensor, Tensor2D, Variable } from '@tensorflow/tfjs-core';

import type { Schedule } from '../schedules/schedules.ts';
import { adamMoments, type AdamNumbers, checkAdam, updateAdamW } from './adam-w.ts';
import { Optimizer } from './optimizer.ts';
import {
  checkNumber,
  matches,
  type OptimizerOptions,
  type ParameterGroup,
  type ParameterMatch,
  type Slot,
  type Trainable,
  type UpdateNumbers,
} from './optimizer-options.ts';

/** Options of {@link Muon}. */
export interface MuonOptions extends OptimizerOptions {
  /** Which parameters are Muon's; they must be matrices. Default the matrices of a model's layers: embeddings, positions and heads are AdamW's. */
  matrices?: ParameterMatch;
  /** Share of the last update that is kept; default 0.95. */
  momentum?: number;
  /** Looks ahead along the momentum; default true. */
  nesterov?: boolean;
  /** Of Newton and Schulz; default 5. */
  iterations?: number;
  /**
   * What the rate of a [rows, columns] matrix is multiplied by: `original`, `√max(1, rows / columns)`, or `adam`, `0.2 · √max(rows, columns)`, whose updates are as long as
   * AdamW's so that one rate suits both (Liu et al. 2025, equation 4). Default `original`.
   */
  rateScale?: 'original' | 'adam';
  /** Default 0.1. */
  weightDecay?: number;
  /** Of all other parameters; their learning rate is by default that of the matrices. */
  adamW?: AdamNumbers & { learningRate?: number | Schedule };
}

/**
 * Muon (Jordan 2024): the momentum of a matrix is made orthogonal before it is used, as `torch.optim.Muon` does (which rounds to bfloat16 on the way; here it is float32).
 * All other parameters are AdamW's.
 */
export class Muon extends Optimizer {
  readonly kind = 'Muon';
  readonly #numbers: Required<Pick<MuonOptions, 'momentum' | 'nesterov' | 'iterations' | 'rateScale'>>;
  readonly #adam: Required<AdamNumbers>;

  constructor(
    model: Trainable,
    {
      matrices = inLayers,
      momentum = 0.95,
      nesterov = true,
      iterations = 5,
      rateScale = 'original',
      weightDecay = 0.1,
      groups = [],
      adamW: { learningRate: adamRate, ...adamW } = {},
      ...options
    }: MuonOptions,
  ) {
    checkNumber('Muon: momentum', momentum, { high: 1 });
    checkNumber('Muon: iterations', iterations, { low: 1, high: 100 });
    const adam = checkAdam('Muon: adamW', { beta1: undefined, beta2: undefined, epsilon: undefined, ...adamW });
    super(model, {
      ...options,
      weightDecay,
      groups: adamRate === undefined ? groups : withAdamRate(groups, { isOther, learningRate: adamRate }),
      moments: (path, parameter) => {
        if (isOther(path, parameter)) return adamMoments(parameter.shape);
        if (parameter.rank === 2) return { momentum_buffer: parameter.shape };
        throw new ConfigError(
          `Muon: matrices must have two dimensions, but ${path} is [${parameter.shape.join(', ')}]`,
        );
      },
    });
    this.#numbers = { momentum, nesterov, iterations, rateScale };
    this.#adam = adam;

    function isOther(path: string, parameter: Variable): boolean {
      return !matches(matrices, path, parameter);
    }
  }

  protected override update(slots: readonly Slot[], { gradients, step, ...numbers }: UpdateNumbers): void {
    const matrices: MuonSlot[] = [];
    const others: { slots: Slot[]; gradients: Tensor[] } = { slots: [], gradients: [] };
    slots.forEach((slot, i) => {
      const gradient = gradients[i] as Tensor;
      if (slot.moments['momentum_buffer']) matrices.push(this.#matrixSlot(slot, gradient as Tensor2D));
      else {
        others.slots.push(slot);
        others.gradients.push(gradient);
      }
    });
    const { momentum, nesterov, iterations } = this.#numbers;
    if (matrices.length > 0) muonStep(matrices, { ...numbers, momentum, nesterov, iterations });
    if (others.slots.length > 0)
      updateAdamW(others.slots, { ...numbers, ...this.#adam, step, gradients: others.gradients });
  }

  #matrixSlot({ parameter, weightDecay, moments }: Slot, gradient: Tensor2D): MuonSlot {
    const [rows = 1, columns = 1] = parameter.shape;
    const rateFactor =
      this.#numbers.rateScale === 'adam'
        ? 0.2 * Math.sqrt(Math.max(rows, columns))
        : Math.sqrt(Math.max(1, rows / columns));
    return { parameter, gradient, momentumBuffer: moments['momentum_buffer'] as Variable, weightDecay, rateFactor };
  }
}

/** Groups in which parameters that aren't Muon's have a rate of their own. */
function withAdamRate(
  groups: readonly ParameterGroup[],
  {
    isOther,
    learningRate,
  }: { isOther: (path: string, parameter: Variable) => boolean; learningRate: number | Schedule },
): ParameterGroup[] {
  const split = groups.flatMap((group) => [
    {
      learningRate,
      ...group,
      match: (path: string, parameter: Variable) => isOther(path, parameter) && matches(group.match, path, parameter),
    },
    group,
  ]);
  return [...split, { match: isOther, learningRate }];
}

/** Whether a parameter is a matrix of a layer, and no table of position biases. */
function inLayers(path: string, { rank }: Variable): boolean {
  return rank === 2 && /(^|\.)layers\.\d+\./.test(path) && !/bias/i.test(path);
}
