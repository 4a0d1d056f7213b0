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
  { bias, activation, residual }: LinearOptions = {},
): T {
  const [outDim, inDim] = weight.shape;
  if (x.shape.at(-1) !== inDim) throw new ShapeError(`linear: x must be [..., ${inDim}], got [${x.shape.join(', ')}]`);
  if (bias) checkShape('linear: bias', bias, [outDim]);
  if (residual) checkShape('linear: residual', residual, [...x.shape.slice(0, -1), outDim]);
  if (!activation || isFused(activation)) return linearOp({ x, weight, bias, residual }, { activation }) as T;
  return tidy(() => {
    const y = activate(linearOp({ x, weight, bias, residual: undefined }, { activation: undefined }), activation); // [..., outDim]
    return (residual ? add(y, residual) : y) as T;
  });
}

type Inputs = {
  readonly x: Tensor;
  readonly weight: Tensor2D;
  readonly bias: Tensor1D | undefined;
  readonly residual: Tensor | undefined;
};

/** The op behind {@link linear}. An activation with a residual is legal; kernels may rely on `y` carrying their pre-activation. */
export const linearOp: Op<Inputs, { activation: FusedActivation | undefined }, Tensor> = defineOp<
  Inputs,
  { activation: FusedActivation | undefined },
  Tensor
>({
  name: 'FormersLinear',
  differentiable: ['x', 'weight', 'bias', 'residual'],
  saves: ['x', 'weight'],
  savesOutput: true,
  composition: ({ x, weight, bias, residual }, { activation }) =>
    tidy(() => {
      const [outDim, inDim] = weight.shape;
      const rows = matMul(reshape(x, [-1, inDim]) as Tensor2D, weight, false, true); // [rows, outDim]
      const activated = activate(bias ? add(rows, bias) : rows, activation ?? 'identity'); // [rows, outDim]
      const y = reshape(activated, [...x.shape.slice(0, -1), outDim]); // [..., outDim]
      return residual ? add(y, residual) : y;
    }),
});
