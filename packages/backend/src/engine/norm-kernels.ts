import type { TensorInfo } from '@tensorflow/tfjs-core';

import { input, type Kernel, type KernelCall, type KernelTable } from './kernel.ts';

/** What the gradient of a norm reads. */
export interface NormGradient {
  /** Layer normalisation; else root mean square. */
  readonly centred: boolean;
  readonly x: TensorInfo;
  /** The output, as `normalise` made it. */
  readonly y: TensorInfo;
  readonly dy: TensorInfo;
  readonly weight: TensorInfo;
  /** The gradient of x itself, if it goes on past the norm. */
  readonly past?: TensorInfo | undefined;
}

/** What an engine brings for its norms. */
export interface NormParts<Backend> {
  /** The norm of x, with `weight` and `bias` of the inputs; or of the sum of x and a residual, which goes to `sum`. */
  readonly normalise: (
    call: KernelCall<Backend, { readonly epsilon: number }>,
    options: { readonly centred: boolean; readonly residual?: TensorInfo; readonly sum?: TensorInfo },
  ) => TensorInfo;
  /** Gradients of `x`, `weight` and `bias`, those that are wanted. */
  readonly gradients: (
    backend: Backend,
    wanted: readonly string[],
    gradient: NormGradient,
  ) => Record<string, TensorInfo>;
  readonly zeros: (backend: Backend, shape: readonly number[]) => TensorInfo;
}

interface NormBackend {
  output(shape: readonly number[]): TensorInfo;
  alias(tensor: TensorInfo): TensorInfo;
}

type GradientCall<Backend> = KernelCall<Backend, { readonly wanted: readonly string[] }>;
type Tensors = [TensorInfo, TensorInfo, TensorInfo, TensorInfo];

/** Kernels of `layerNorm`, `rmsNorm`, `addLayerNorm` and `addRMSNorm` from an engine's parts. */
export function createNormKernels<Backend extends NormBackend>(parts: NormParts<Backend>): KernelTable<Backend> {
  const { normalise, gradients: gradientsOf, zeros } = parts;

  const forward =
    (centred: boolean): Kernel<Backend> =>
    (call: KernelCall<Backend, { readonly epsilon: number }>) =>
      normalise(call, { centred });

  const addForward =
    (centred: boolean): Kernel<Backend> =>
    (call: KernelCall<Backend, { readonly epsilon: number }>) => {
      const sum = call.backend.output(input(call, 'x').shape);
      return [sum, normalise(call, { centred, residual: input(call, 'residual'), sum })];
    };

  const gradient =
    (centred: boolean): Kernel<Backend> =>
    (call: GradientCall<Backend>) => {
      const [x, y, dy, weight] = ['x', 'y', 'dy', 'weight'].map((name) => input(call, name)) as Tensors;
      const { wanted } = call.attributes;
      const gradients = gradientsOf(call.backend, wanted, { centred, x, y, dy, weight });
      return wanted.map((name) => gradients[name] as TensorInfo);
    };

  // x and the residual have one gradient: that of the norm and that of the sum together.
  const addGradient =
    (centred: boolean): Kernel<Backend> =>
    (call: GradientCall<Backend>) => {
      const { backend, inputs } = call;
      const { wanted } = call.attributes;
      const { dy0: past, dy1: dy } = inputs;
      const [x, y, weight] = ['y0', 'y1', 'weight'].map((name) => input(call, name)) as Tensors;
      const [summand] = wanted.filter((name) => name === 'x' || name === 'residual');
      const parameters = wanted.filter((name) => name === 'weight' || name === 'bias');
      const gradients: Record<string, TensorInfo> = dy
        ? gradientsOf(backend, [...(summand ? ['x'] : []), ...parameters], { centred, x, y, dy, weight, past })
        : Object.fromEntries([
            ...(summand ? [['x', backend.alias(past as TensorInfo)]] : []),
            ...parameters.map((name) => [name, zeros(backend, weight.shape)]),
          ]);
      const dx = gradients['x'] as TensorInfo;
      return wanted.map((name) => {
        if (name !== 'x' && name !== 'residual') return gradients[name] as TensorInfo;
        return name === summand ? dx : backend.alias(dx);
      });
    };

  return {
    FormersLayerNorm: forward(true),
    FormersLayerNormGradient: gradient(true),
    FormersRMSNorm: forward(false),
    FormersRMSNormGradient: gradient(false),
    FormersAddLayerNorm: addForward(true),
    FormersAddLayerNormGradient: addGradient(true),
    FormersAddRMSNorm: addForward(false),
    FormersAddRMSNormGradient: addGradient(false),
  };
}
