import { add, type Tensor, type Tensor1D, tidy } from '@tensorflow/tfjs-core';

import { defineMultiOp, type MultiOp } from '../define-multi-op.ts';
import { checkShape } from '../errors.ts';
import { type LayerNormParameters, layerNormOp, rmsNormOp } from './norm.ts';

/** What {@link addLayerNorm} and {@link addRMSNorm} give; both of the shape of x. */
export interface SumAndNorm<T extends Tensor> {
  /** `x + residual` */
  readonly sum: T;
  /** The sum, normalised. */
  readonly norm: T;
}

/**
 * The sum of a residual connection and its layer normalisation, in one pass each way: pre-norm blocks go on with both, post-norm blocks with `norm`.
 *
 * @param x [..., dim]
 * @param options.residual [..., dim]
 */
export function addLayerNorm<T extends Tensor>(
  x: T,
  { residual, weight, bias, epsilon = 1e-5 }: LayerNormParameters & { residual: Tensor },
): SumAndNorm<T> {
  const dim = x.shape.at(-1) ?? 0;
  checkShape('addLayerNorm: residual', residual, x.shape);
  checkShape('addLayerNorm: weight', weight, [dim]);
  if (bias) checkShape('addLayerNorm: bias', bias, [dim]);
  const [sum, norm] = addLayerNormOp({ x, residual, weight, bias }, { epsilon });
  return { sum: sum as T, norm: norm as T };
}

/** {@link addLayerNorm} with root mean square normalisation. */
export function addRMSNorm<T extends Tensor>(
  x: T,
  { residual, weight, epsilon = 1e-6 }: { residual: Tensor; weight: Tensor1D; epsilon?: number },
): SumAndNorm<T> {
  checkShape('addRMSNorm: residual', residual, x.shape);
  checkShape('addRMSNorm: weight', weight, [x.shape.at(-1) ?? 0]);
  const [sum, norm] = addRMSNormOp({ x, residual, weight }, { epsilon });
  return { sum: sum as T, norm: norm as T };
}

type Inputs = {
  readonly x: Tensor;
  readonly residual: Tensor;
  readonly weight: Tensor1D;
};
type Outputs = readonly [sum: Tensor, norm: Tensor];

const definition = { differentiable: ['x', 'residual', 'weight'], saves: ['weight'], savesOutputs: [0, 1] } as const;

/** The op behind {@link addLayerNorm}. */
export const addLayerNormOp: MultiOp<Inputs & { readonly bias: Tensor1D | undefined }, { epsilon: number }, Outputs> =
  defineMultiOp<Inputs & { readonly bias: Tensor1D | undefined }, { epsilon: number }, Outputs>({
    name: 'FormersAddLayerNorm',
    ...definition,
    differentiable: [...definition.differentiable, 'bias'],
    composition: ({ x, residual, ...parameters }, attributes) =>
      tidy(() => {
        const sum = add(x, residual);
        return [sum, layerNormOp({ x: sum, ...parameters }, attributes)] as [Tensor, Tensor];
      }),
  });

/** The op behind {@link addRMSNorm}. */
export const addRMSNormOp: MultiOp<Inputs, { epsilon: number }, Outputs> = defineMultiOp<
  Inputs,
  { epsilon: number },
  Outputs
>({
  name: 'FormersAddRMSNorm',
  ...definition,
  composition: ({ x, residual, weight }, attributes) =>
    tidy(() => {
      const sum = add(x, residual);
      return [sum, rmsNormOp({ x: sum, weight }, attributes)] as [Tensor, Tensor];
    }),
});
