import type { FusedActivation } from '@formers/backend';
import type { TensorInfo } from '@tensorflow/tfjs-core';

import { runElementwise } from './elementwise.ts';
import { input, type Kernel, type KernelCall, type KernelTable } from './kernel.ts';

/** What an activation is computed on: one number, or four at a time. */
export type ActivationElement = 'f32' | 'vec4<f32>';

/** Logistic function. The exponent is bounded, as an overflow gives anything in WGSL; NaN stays NaN. */
const SIGMOID = `
fn sigmoid(x: T) -> T {
  return 1.0 / (1.0 + exp(-select(x, sign(x) * 80.0, abs(x) > T(80.0))));
}`;

/** Odd and even polynomial (Eigen, `ptanh_float`): drivers lose small arguments and overflow on large ones. */
const TANH = `
fn hyperbolicTangent(value: T) -> T {
  let x = select(value, sign(value) * 7.90531110763549805, abs(value) > T(7.90531110763549805));
  let s = x * x;
  var p = s * -2.76076847742355e-16 + 2.00018790482477e-13;
  p = p * s - 8.60467152213735e-11;
  p = p * s + 5.12229709037114e-8;
  p = p * s + 1.48572235717979e-5;
  p = p * s + 6.37261928875436e-4;
  p = p * s + 4.89352455891786e-3;
  var q = s * 1.19825839466702e-6 + 1.18534705686654e-4;
  q = q * s + 2.268434632439e-3;
  q = q * s + 4.89352518554385e-3;
  return x * p / q;
}`;

/** Odd and even polynomial, within 2e-7 everywhere (Eigen, `perf`). */
const ERF = `
fn errorFunction(value: T) -> T {
  let x = select(value, sign(value) * 4.0, abs(value) > T(4.0));
  let s = x * x;
  var p = s * -2.72614225801306e-10 + 2.77068142495902e-8;
  p = p * s - 2.10102402082508e-6;
  p = p * s - 5.69250639462346e-5;
  p = p * s - 7.34990630326855e-4;
  p = p * s - 2.95459980854025e-3;
  p = p * s - 1.60960333262415e-2;
  var q = s * -1.45660718464996e-5 - 2.13374055278905e-4;
  q = q * s - 1.68282697438203e-3;
  q = q * s - 7.37332916720468e-3;
  q = q * s - 1.42647390514189e-2;
  return x * p / q;
}`;

/** Helpers, value and slope of each activation at `x`. GELU by tanh is `x σ(2u)`, with u as in Hendrycks and Gimpel 2016, section 2. */
const BODIES: Readonly<Record<FusedActivation, { helpers: string; value: string; slope: string }>> = {
  relu: {
    helpers: '',
    value: 'return select(x, T(0.0), x < T(0.0));', // unlike max, keeps NaN
    slope: 'return select(T(0.0), T(1.0), x > T(0.0));',
  },
  gelu: {
    helpers: ERF,
    value: 'return 0.5 * x * (1.0 + errorFunction(x * 0.7071067811865476));',
    slope: `let cumulative = 0.5 + 0.5 * errorFunction(x * 0.7071067811865476);
  return cumulative + x * 0.3989422804014327 * exp(max(-0.5 * x * x, T(-80.0)));`,
  },
  geluTanh: {
    helpers: SIGMOID,
    value: 'return x * sigmoid(x * (1.59576912 + 0.07135481627 * x * x));',
    slope: `let s = sigmoid(x * (1.59576912 + 0.07135481627 * x * x));
  return s + s * (1.0 - s) * x * (1.59576912 + 0.21406444881 * x * x);`,
  },
  silu: {
    helpers: SIGMOID,
    value: 'return x * sigmoid(x);',
    slope: 'let s = sigmoid(x); return s * (1.0 + x * (1.0 - s));',
  },
  tanh: {
    helpers: TANH,
    value: 'return hyperbolicTangent(x);',
    slope: 'let y = hyperbolicTangent(x); return 1.0 - y * y;',
  },
};

/** WGSL of an activation: `fn activate(x: T) -> T` and its derivative `fn activationSlope(x: T) -> T`, for T one of the elements. */
export function activationCode(activation: FusedActivation, element: ActivationElement): string {
  const { helpers, value, slope } = BODIES[activation];
  return `${helpers}
fn activate(x: T) -> T {
  ${value}
}
fn activationSlope(x: T) -> T {
  ${slope}
}`.replaceAll(/\bT\b/g, element);
}

function forward(activation: FusedActivation): Kernel {
  return (call: KernelCall): TensorInfo => {
    const x = input(call, 'x');
    const y = call.backend.layerOutput(x.shape);
    runElementwise(call.backend, {
      key: activation,
      helpers: (element) => activationCode(activation, element),
      body: 'y[i] = activate(x[i]);',
      ...{ reads: { x }, writes: { y } },
    });
    return y;
  };
}

function gradient(activation: FusedActivation): Kernel {
  return (call: KernelCall): TensorInfo[] => {
    const [x, dy] = [input(call, 'x'), input(call, 'dy')];
    const dx = call.backend.output(x.shape);
    runElementwise(call.backend, {
      key: `${activation} gradient`,
      helpers: (element) => activationCode(activation, element),
      body: 'dx[i] = dy[i] * activationSlope(x[i]);',
      ...{ reads: { x, dy }, writes: { dx } },
    });
    return [dx];
  };
}

type GatedCall = KernelCall<{ activation: FusedActivation; wanted: readonly string[] }>;

function gated(call: GatedCall): TensorInfo {
  const [gate, up] = [input(call, 'gate'), input(call, 'up')];
  const { activation } = call.attributes;
  const y = call.backend.layerOutput(gate.shape);
  runElementwise(call.backend, {
    key: `gated ${activation}`,
    helpers: (element) => activationCode(activation, element),
    body: 'y[i] = activate(gate[i]) * up[i];',
    ...{ reads: { gate, up }, writes: { y } },
  });
  return y;
}

function gatedGradient(call: GatedCall): TensorInfo[] {
  const [gate, up, dy] = [input(call, 'gate'), input(call, 'up'), input(call, 'dy')];
  const { activation, wanted } = call.attributes;
  const writes = Object.fromEntries(wanted.map((name) => [`${name}Gradient`, call.backend.output(gate.shape)]));
  const lines = [
    writes['gateGradient'] ? 'gateGradient[i] = dy[i] * up[i] * activationSlope(gate[i]);' : '',
    writes['upGradient'] ? 'upGradient[i] = dy[i] * activate(gate[i]);' : '',
  ];
  runElementwise(call.backend, {
    key: `gated ${activation} gradient`,
    helpers: (element) => activationCode(activation, element),
    body: lines.join('\n  '),
    ...{ reads: writes['gateGradient'] ? { gate, up, dy } : { gate, dy }, writes },
  });
  return Object.values(writes);
}

/** Activations and their gradients. */
export const activationKernels: KernelTable = {
  FormersGelu: forward('gelu'),
  FormersGeluGradient: gradient('gelu'),
  FormersGeluTanh: forward('geluTanh'),
  FormersGeluTanhGradient: gradient('geluTanh'),
  FormersSilu: forward('silu'),
  FormersSiluGradient: gradient('silu'),
  FormersGated: gated,
  FormersGatedGradient: gatedGradient,
};
