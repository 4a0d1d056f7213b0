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
  let chunks = 0;
  for (let i = 0; i < weightDecays.length; i++) chunks += Math.ceil(sizeOf(input({ inputs }, `parameter${i}`)) / CHUNK);
  const list = engine.scratch(chunks * 24);
  const { i32, f32 } = engine.memory;
  let at = list / 4;
  weightDecays.forEach((weightDecay, i) => {
    const parameter = input({ inputs }, `parameter${i}`);
    backend.changed(parameter);
    const p = backend.address(parameter);
    const g = backend.address(input({ inputs }, `gradient${i}`));
    const m = backend.address(input({ inputs }, `firstMoment${i}`));
    const v = backend.address(input({ inputs }, `secondMoment${i}`));
    const size = sizeOf(parameter);
    for (let from = 0; from < size; from += CHUNK) {
      const o = from * 4;
      i32[at++] = p + o;
      i32[at++] = g + o;
      i32[at++] = m + o;
      i32[at++] = v + o;
      i32[at++] = Math.min(CHUNK, size - from);
      f32[at++] = 1 - learningRate * weightDecay;
    }
  });
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

/** The L2 norm of the tensors `inputs[names[i]]` together. */
function normOf({ backend, inputs }: KernelCall<unknown>, names: readonly string[]): number {
  const { engine } = backend;
  const parts: number[] = []; // address and size of each
  for (const name of names) {
    const tensor = input({ inputs }, name);
    const [address, size] = [backend.address(tensor), sizeOf(tensor)];
    for (let from = 0; from < size; from += CHUNK) parts.push(address + from * 4, Math.min(CHUNK, size - from));
  }
  const count = parts.length / 2;
  const list = engine.scratch(count * 12);
  engine.memory.i32.set(parts, list / 4);
  const sums = list + count * 8;
  engine.run('squareSums', [list, count, sums], { work: count * CHUNK });
  const { f32 } = engine.memory;
  let total = 0;
  for (let i = 0; i < count; i++) total += f32[sums / 4 + i] as number;
  return Math.sqrt(total);
}

function globalNorm(call: KernelCall): TensorInfo {
  return call.backend.makeTensorInfo([], 'float32', Float32Array.of(normOf(call, Object.keys(call.inputs))));
}

/** See `stepValues` in @formers/backend: norm, clipping and finiteness of a step, and its losses. */
function stepValues(call: KernelCall<{ share: number; clipNorm?: number }>): TensorInfo[] {
  const { backend, inputs, attributes } = call;
  const names = Object.keys(inputs);
  const { f32 } = backend.engine.memory;
  const numberAt = (name: string, index = 0) => f32[backend.address(input(call, name)) / 4 + index] as number;
  const losses = names.filter((name) => name.startsWith('loss')).map((name) => numberAt(name));
  const wasFinite = !inputs['previous'] || numberAt('previous', 1) >= 0;
  const gradients = names.filter((name) => name.startsWith('gradient'));
  const norm = Math.fround(Math.fround(normOf(call, gradients)) * attributes.share);
  const clipped = attributes.clipNorm === undefined ? 1 : Math.min(1, attributes.clipNorm / (norm + Math.fround(1e-6)));
  const scale = wasFinite && [norm, ...losses].every(Number.isFinite) ? clipped : -1;
  return [
    backend.makeTensorInfo([2 + losses.length], 'float32', Float32Array.of(norm, scale, ...losses)),
    backend.makeTensorInfo([], 'float32', Float32Array.of(scale * attributes.share)),
  ];
}

/** Kernels of the optimizer steps in @formers/backend. */
export const optimizerKernels: KernelTable = {
  FormersAdamW: adamW,
  FormersGlobalNorm: globalNorm,
  FormersSGD: sgd,
  FormersStepValues: stepValues,
};
