import type { TensorInfo } from '@tensorflow/tfjs-core';

import { input, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** Elements of one chunk of a tensor. */
const CHUNK = 16384;

interface AdamWAttributes {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly step: number;
  readonly weightDecays: readonly number[];
}

function adamW({ backend, inputs, attributes }: KernelCall<AdamWAttributes>): TensorInfo[] {
  const { engine } = backend;
  const { learningRate, beta1, beta2, epsilon, step, weightDecays } = attributes;
  const scale = engine.memory.f32[backend.address(input({ inputs }, 'gradientScale')) / 4] as number;
  if (!(scale >= 0)) return [];
  const slots = weightDecays.map((weightDecay, i) => {
    const tensors = ['parameter', 'gradient', 'firstMoment', 'secondMoment'].map((name) =>
      input({ inputs }, `${name}${i}`),
    );
    backend.changed(tensors[0] as TensorInfo);
    return {
      size: sizeOf(tensors[0] as TensorInfo),
      addresses: tensors.map((tensor) => backend.address(tensor)),
      decay: 1 - learningRate * weightDecay,
    };
  });
  const chunks = slots.reduce((count, { size }) => count + Math.ceil(size / CHUNK), 0);
  const list = engine.scratch(chunks * 24);
  const { i32, f32 } = engine.memory;
  let at = list / 4;
  for (const { size, addresses, decay } of slots) {
    for (let from = 0; from < size; from += CHUNK) {
      for (const address of addresses) i32[at++] = address + from * 4;
      i32[at++] = Math.min(CHUNK, size - from);
      f32[at++] = decay;
    }
  }
  const floats = {
    2: beta1,
    3: beta2,
    4: epsilon,
    5: learningRate / (1 - beta1 ** step),
    6: 1 / Math.sqrt(1 - beta2 ** step),
    7: scale,
    8: 1 - beta1,
    9: 1 - beta2,
  };
  engine.run('adamW', [list, chunks], { floats, work: chunks * CHUNK });
  return [];
}

interface SGDAttributes {
  readonly learningRate: number;
  readonly momentum: number;
  readonly dampening: number;
  readonly nesterov: boolean;
  readonly weightDecays: readonly number[];
}

function sgd({ backend, inputs, attributes }: KernelCall<SGDAttributes>): TensorInfo[] {
  const { engine } = backend;
  const { learningRate, momentum, dampening, nesterov, weightDecays } = attributes;
  const scale = engine.memory.f32[backend.address(input({ inputs }, 'gradientScale')) / 4] as number;
  if (!(scale >= 0)) return [];
  const slots = weightDecays.map((weightDecay, i) => {
    const tensors = ['parameter', 'gradient', 'momentumBuffer'].map((name) => inputs[`${name}${i}`]);
    backend.changed(input({ inputs }, `parameter${i}`));
    return {
      size: sizeOf(input({ inputs }, `parameter${i}`)),
      addresses: tensors.map((tensor) => (tensor ? backend.address(tensor) : 0)),
      weightDecay,
    };
  });
  const chunks = slots.reduce((count, { size }) => count + Math.ceil(size / CHUNK), 0);
  const list = engine.scratch(chunks * 20);
  const { i32, f32 } = engine.memory;
  let at = list / 4;
  for (const { size, addresses, weightDecay } of slots) {
    for (let from = 0; from < size; from += CHUNK) {
      for (const address of addresses) i32[at++] = address && address + from * 4;
      i32[at++] = Math.min(CHUNK, size - from);
      f32[at++] = weightDecay;
    }
  }
  const floats = { 2: learningRate, 3: momentum, 4: 1 - dampening, 6: scale };
  engine.run('sgd', [list, chunks, 0, 0, 0, nesterov ? 1 : 0], { floats, work: chunks * CHUNK });
  return [];
}

function globalNorm({ backend, inputs }: KernelCall): TensorInfo {
  const { engine } = backend;
  const parts = Object.values(inputs).flatMap((tensor) => {
    const size = sizeOf(tensor);
    const address = backend.address(tensor);
    return Array.from(
      { length: Math.ceil(size / CHUNK) },
      (_, i) => [address + i * CHUNK * 4, Math.min(CHUNK, size - i * CHUNK)] as const,
    );
  });
  const list = engine.scratch(parts.length * 12);
  engine.memory.i32.set(parts.flat(), list / 4);
  const sums = list + parts.length * 8;
  engine.run('squareSums', [list, parts.length, sums], { work: parts.length * CHUNK });
  let total = 0;
  for (let i = 0; i < parts.length; i++) total += engine.memory.f32[sums / 4 + i] as number;
  return backend.makeTensorInfo([], 'float32', Float32Array.of(Math.sqrt(total)));
}

/** Kernels of the optimizer steps in @formers/backend. */
export const optimizerKernels: KernelTable = {
  FormersAdamW: adamW,
  FormersGlobalNorm: globalNorm,
  FormersSGD: sgd,
};
