import { add, mean, mul, rsqrt, square, sub, type Tensor, type Tensor1D, tidy } from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';
import { checkShape } from '../errors.ts';

/** Parameters of {@link layerNorm}. */
export interface LayerNormParameters {
  /** [dim], the gain γ. */
  weight: Tensor1D;
  /** [dim], the shift β. */
  bias?: Tensor1D | undefined;
  /** Added to the variance; default 1e-5. */
  epsilon?: number;
}

/**
 * Layer normalisation over the last axis: `(x - mean) / √(variance + ε) · γ + β` (Ba et al. 2016, equation 4).
 *
 * @param x [..., dim]
 * @returns [..., dim]
 */
export function layerNorm<T extends Tensor>(x: T, { weight, bias, epsilon = 1e-5 }: LayerNormParameters): T {
  const dim = x.shape.at(-1) ?? 0;
  checkShape('layerNorm: weight', weight, [dim]);
  if (bias) checkShape('layerNorm: bias', bias, [dim]);
  return layerNormOp({ x, weight, bias }, { epsilon }) as T;
}

/**
 * Root mean square normalisation over the last axis: `x / √(mean(x²) + ε) · γ` (Zhang and Sennrich 2019, equation 4).
 *
 * @param x [..., dim]
 * @returns [..., dim]
 */
export function rmsNorm<T extends Tensor>(x: T, { weight, epsilon = 1e-6 }: { weight: Tensor1D; epsilon?: number }): T {
  checkShape('rmsNorm: weight', weight, [x.shape.at(-1) ?? 0]);
  return rmsNormOp({ x, weight }, { epsilon }) as T;
}

type Inputs = {
  readonly x: Tensor;
  readonly weight: Tensor1D;
};

/** The op behind {@link layerNorm}. */
export const layerNormOp: Op<Inputs & { readonly bias: Tensor1D | undefined }, { epsilon: number }, Tensor> = defineOp<
  Inputs & { readonly bias: Tensor1D | undefined },
  { epsilon: number },
  Tensor
>({
  name: 'FormersLayerNorm',
  differentiable: ['x', 'weight', 'bias'],
  saves: ['x', 'weight'],
  savesOutput: true,
  composition: ({ x, weight, bias }, { epsilon }) =>
    tidy(() => {
      const centred = sub(x, mean(x, -1, true)); // [..., dim]
      const variance = mean(square(centred), -1, true); // [..., 1]
      const scaled = mul(mul(centred, rsqrt(add(variance, epsilon))), weight); // [..., dim]
      return bias ? add(scaled, bias) : scaled;
    }),
});

/** The op behind {@link rmsNorm}. */
export const rmsNormOp: Op<Inputs, { epsilon: number }, Tensor> = defineOp<Inputs, { epsilon: number }, Tensor>({
  name: 'FormersRMSNorm',
  differentiable: ['x', 'weight'],
  saves: ['x', 'weight'],
  savesOutput: true,
  composition: ({ x, weight }, { epsilon }) =>
    tidy(() => mul(mul(x, rsqrt(add(mean(square(x), -1, true), epsilon))), weight)),
});
