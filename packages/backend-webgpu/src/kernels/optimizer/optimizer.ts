import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { KernelCall, KernelTable } from '../kernel.ts';
import { adafactor } from './adafactor.ts';
import { globalNormKernels } from './global-norm.ts';
import { muon } from './muon.ts';
import { updateFlat } from './update.ts';

interface AdamWAttributes {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly step: number;
  readonly weightDecays: readonly number[];
}

/** Loshchilov and Hutter 2019, algorithm 2. */
function adamW(call: KernelCall<AdamWAttributes>): TensorInfo[] {
  return adam(call, { key: 'AdamW', changes: [], largest: 'let largest = v;' });
}

/** Reddi et al. 2018, algorithm 2, with the weight decay of AdamW. */
function amsGrad(call: KernelCall<AdamWAttributes>): TensorInfo[] {
  const largest = `let largest = max(maxSecondMoment[i], v);
  maxSecondMoment[i] = largest;`;
  return adam(call, { key: 'AMSGrad', changes: ['maxSecondMoment'], largest });
}

/** @param options.largest Declares `largest`, the second moment that counts. */
function adam(
  call: KernelCall<AdamWAttributes>,
  { key, changes, largest }: { key: string; changes: readonly string[]; largest: string },
): TensorInfo[] {
  const { learningRate, beta1, beta2, epsilon, step, weightDecays } = call.attributes;
  updateFlat(call, [...weightDecays.keys()], {
    key,
    changes: ['parameter', 'firstMoment', 'secondMoment', ...changes],
    body: `
  let m = firstMoment[i] * u.beta1 + g * u.rest1;
  let v = secondMoment[i] * u.beta2 + g * g * u.rest2;
  firstMoment[i] = m;
  secondMoment[i] = v;
  ${largest}
  parameter[i] = parameter[i] * (1.0 - u.learningRate * decay) - m / (sqrt(largest) * u.rootScale + u.epsilon) * u.stepSize;`,
    numbers: {
      ...{ learningRate, beta1, beta2, epsilon, rest1: 1 - beta1, rest2: 1 - beta2 },
      stepSize: learningRate / (1 - beta1 ** step),
      rootScale: 1 / Math.sqrt(1 - beta2 ** step),
    },
  });
  return [];
}

interface SGDAttributes {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  readonly weightDecays: readonly number[];
}

/** With momentum (Sutskever et al. 2013, section 2), as PyTorch computes it. */
function sgd(call: KernelCall<SGDAttributes>): TensorInfo[] {
  const { inputs, attributes } = call;
  const { learningRate, momentum, dampening, nesterov, weightDecays } = attributes;
  const slots = [...weightDecays.keys()];
  const hasBuffer = (slot: number) => inputs[`momentumBuffer${slot}`] !== undefined;
  const gradient = 'var direction = g + parameter[i] * decay;';
  const move = 'parameter[i] = parameter[i] - direction * u.learningRate;';
  updateFlat(
    call,
    slots.filter((slot) => !hasBuffer(slot)),
    { key: 'SGD', changes: ['parameter'], body: `${gradient}\n  ${move}`, numbers: { learningRate } },
  );
  updateFlat(call, slots.filter(hasBuffer), {
    key: `SGD with momentum ${nesterov}`,
    changes: ['parameter', 'momentumBuffer'],
    body: `${gradient}
  let next = momentumBuffer[i] * u.momentum + direction * u.rest;
  momentumBuffer[i] = next;
  direction = ${nesterov ? 'direction + next * u.momentum' : 'next'};
  ${move}`,
    numbers: { learningRate, momentum, rest: 1 - dampening },
  });
  return [];
}

interface LionAttributes {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly weightDecays: readonly number[];
}

/** Chen et al. 2023, algorithm 2. */
function lion(call: KernelCall<LionAttributes>): TensorInfo[] {
  const { learningRate, beta1, beta2, weightDecays } = call.attributes;
  updateFlat(call, [...weightDecays.keys()], {
    key: 'Lion',
    changes: ['parameter', 'momentum'],
    body: `
  let direction = sign(momentum[i] * u.beta1 + g * u.rest1);
  momentum[i] = momentum[i] * u.beta2 + g * u.rest2;
  parameter[i] = parameter[i] * (1.0 - u.learningRate * decay) - direction * u.learningRate;`,
    numbers: { learningRate, beta1, beta2, rest1: 1 - beta1, rest2: 1 - beta2 },
  });
  return [];
}

/** Kernels of the optimizer steps in @formers/backend. */
export const optimizerKernels: KernelTable = {
  ...globalNormKernels,
  FormersAdamW: adamW,
  FormersAMSGrad: amsGrad,
  FormersSGD: sgd,
  FormersLion: lion,
  FormersMuon: muon,
  FormersAdafactor: adafactor,
};
