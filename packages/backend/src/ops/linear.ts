import { add, matMul, reshape, type Tensor, type Tensor1D, type Tensor2D, tidy } from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';
import { checkShape, ShapeError } from '../errors.ts';
import { activate, type Activation, type FusedActivation, isFused } from './activation.ts';

/** Options of {@link linear}. */
export interface LinearOptions {
  /** [outDim], added to each output row. */
  bias?: Tensor1D | undefined;
  activation?: Activation | undefined;
  /** [..., outDim], added after the activation. */
  residual?: Tensor | undefined;
  /** Whether only layers of a model read the result, so that an engine may store it in half precision. Default false: logits need all their bits. */
  inner?: boolean | undefined;
}

/**
 * `activation(x Wᵀ + bias) + residual` with the weight as PyTorch stores it.
 *
 * @param x [..., inDim]
 * @param weight [outDim, inDim]
 * @returns [..., outDim]
 * @throws {@link ShapeError} when the last axis of x is not inDim.
 */
export function linear<T extends Tensor>(
  x: T,
  weight: Tensor2D,
  { bias, activation, residual, inner }: LinearOptions = {},
): T {
  const [outDim, inDim] = weight.shape;
  if (x.shape.at(-1) !== inDim) throw new ShapeError(`linear: x must be [..., ${inDim}], got [${x.shape.join(', ')}]`);
  if (bias) checkShape('linear: bias', bias, [outDim]);
  if (residual) checkShape('linear: residual', residual, [...x.shape.slice(0, -1), outDim]);
  if (!activation || isFused(activation)) return linearOp({ x, weight, bias, residual }, { activation, inner }) as T;
  return tidy(() => {
    const y = activate(
      linearOp({ x, weight, bias, residual: undefined }, { activation: undefined, inner }),
      activation,
    ); // [..., outDim]
    return (residual ? add(y, residual) : y) as T;
  });
}

type Inputs = {
  readonly x: Tensor;
  readonly weight: Tensor2D;
  readonly bias: Tensor1D | undefined;
  readonly residual: Tensor | undefined;
};

interface Attributes {
  readonly activation: FusedActivation | undefined;
  readonly inner?: boolean | undefined;
}

/** The op behind {@link linear}. An activation with a residual is legal; kernels may rely on `y` carrying their pre-activation, and get no `y` where there is no activation. */
export const linearOp: Op<Inputs, Attributes, Tensor> = defineOp<Inputs, Attributes, Tensor>({
  name: 'FormersLinear',
  differentiable: ['x', 'weight', 'bias', 'residual'],
  saves: ['x', 'weight'],
  savesOutput: ({ activation }) => activation !== undefined,
  composition: ({ x, weight, bias, residual }, { activation }) =>
    tidy(() => {
      const [outDim, inDim] = weight.shape;
      const rows = matMul(reshape(x, [-1, inDim]) as Tensor2D, weight, false, true); // [rows, outDim]
      const activated = activate(bias ? add(rows, bias) : rows, activation ?? 'identity'); // [rows, outDim]
      const y = reshape(activated, [...x.shape.slice(0, -1), outDim]); // [..., outDim]
      return residual ? add(y, residual) : y;
    }),
});
