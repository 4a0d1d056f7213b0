import {
  add,
  clone,
  erf,
  leakyRelu,
  mul,
  relu,
  relu6,
  sigmoid,
  softplus,
  square,
  type Tensor,
  tanh,
  tidy,
} from '@tensorflow/tfjs-core';

import { defineOp, type Op } from '../define-op.ts';
import { checkShape } from '../errors.ts';

/** The activations that engines fuse into `linear`. `gelu` is the exact one (erf), `geluTanh` its approximation in GPT-2. */
export type FusedActivation = 'relu' | 'gelu' | 'geluTanh' | 'silu' | 'tanh';

/** The names of all activations. */
export const ACTIVATIONS = [
  'identity',
  'relu',
  'gelu',
  'geluTanh',
  'silu',
  'tanh',
  'leakyRelu',
  'mish',
  'quickGelu',
  'relu6',
  'reluSquared',
  'sigmoid',
] as const;

/** An activation by name. `quickGelu` is `x σ(1.702 x)` (CLIP), `reluSquared` is `max(x, 0)²` (So et al. 2021), `leakyRelu` has a slope of 0.01. */
export type Activation = (typeof ACTIVATIONS)[number];

/** Whether engines fuse an activation into `linear`. */
export function isFused(activation: Activation): activation is FusedActivation {
  return ['relu', 'gelu', 'geluTanh', 'silu', 'tanh'].includes(activation);
}

/** Gaussian error linear unit, exact: `x Φ(x)` (Hendrycks and Gimpel 2016, section 2). Keeps the shape. */
export function gelu<T extends Tensor>(x: T): T {
  return geluOp({ x }, {}) as T;
}

/** GELU by tanh: `x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))` (Hendrycks and Gimpel 2016, section 2). Keeps the shape. */
export function geluTanh<T extends Tensor>(x: T): T {
  return geluTanhOp({ x }, {}) as T;
}

/** Sigmoid linear unit, also swish: `x σ(x)` (Elfwing et al. 2017; Ramachandran et al. 2017). Keeps the shape. */
export function silu<T extends Tensor>(x: T): T {
  return siluOp({ x }, {}) as T;
}

/** Applies an activation by name. Keeps the shape. */
export function activate<T extends Tensor>(x: T, activation: Activation): T {
  return tidy(() => byName(x, activation));
}

/**
 * `activation(gate) · up`, the middle of gated feed-forward networks: SwiGLU with `silu`, GEGLU with `gelu` or `geluTanh` (Shazeer 2020, equations 5 and 6).
 *
 * @param gate Any shape.
 * @param options.up Of the same shape.
 */
export function gated<T extends Tensor>(gate: T, { up, activation }: { up: Tensor; activation: Activation }): T {
  checkShape('gated: up', up, gate.shape);
  if (isFused(activation)) return gatedOp({ gate, up }, { activation }) as T;
  return tidy(() => mul(activate(gate, activation), up));
}

function byName<T extends Tensor>(x: T, activation: Activation): T {
  switch (activation) {
    case 'identity':
      return clone(x);
    case 'relu':
      return relu(x);
    case 'gelu':
      return gelu(x);
    case 'geluTanh':
      return geluTanh(x);
    case 'silu':
      return silu(x);
    case 'tanh':
      return tanh(x);
    case 'leakyRelu':
      return leakyRelu(x, 0.01);
    case 'mish':
      return mul(x, tanh(softplus(x)));
    case 'quickGelu':
      return mul(x, sigmoid(mul(x, 1.702)));
    case 'relu6':
      return relu6(x);
    case 'reluSquared':
      return square(relu(x));
    case 'sigmoid':
      return sigmoid(x);
  }
}

type X = {
  readonly x: Tensor;
};

const unary = { differentiable: ['x'], saves: ['x'], savesOutput: false } as const;

/** The op behind {@link gelu}. */
export const geluOp: Op<X, object, Tensor> = defineOp<X, object, Tensor>({
  name: 'FormersGelu',
  ...unary,
  composition: ({ x }) => tidy(() => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1))),
});

/** The op behind {@link geluTanh}. */
export const geluTanhOp: Op<X, object, Tensor> = defineOp<X, object, Tensor>({
  name: 'FormersGeluTanh',
  ...unary,
  composition: ({ x }) =>
    tidy(() => {
      const inner = mul(Math.sqrt(2 / Math.PI), add(x, mul(0.044715, mul(x, mul(x, x)))));
      return mul(mul(x, 0.5), add(tanh(inner), 1));
    }),
});

/** The op behind {@link silu}. */
export const siluOp: Op<X, object, Tensor> = defineOp<X, object, Tensor>({
  name: 'FormersSilu',
  ...unary,
  composition: ({ x }) => tidy(() => mul(x, sigmoid(x))),
});

type GatedInputs = {
  readonly gate: Tensor;
  readonly up: Tensor;
};

/** The op behind {@link gated}. */
export const gatedOp: Op<GatedInputs, { activation: FusedActivation }, Tensor> = defineOp<
  GatedInputs,
  { activation: FusedActivation },
  Tensor
>({
  name: 'FormersGated',
  differentiable: ['gate', 'up'],
  saves: ['gate', 'up'],
  savesOutput: false,
  composition: ({ gate, up }, { activation }) => tidy(() => mul(activate(gate, activation), up)),
});
