import type { TensorInfo } from '@tensorflow/tfjs-core';

import { input, type KernelCall, type KernelTable, sizeOf } from './kernel.ts';

/** Elements and rows of one unit, as in assembly/adafactor.ts. */
const CHUNK = 16384;
const CHUNK_ROWS = 64;
/** Bytes of the sums of one unit. */
const SUMS = 12;

interface AdafactorAttributes {
  readonly learningRate: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly clipThreshold: number;
  readonly beta1: number;
  readonly leastScale: number | undefined;
  readonly weightDecays: readonly number[];
}

function adafactor({ backend, inputs, attributes }: KernelCall<AdafactorAttributes>): TensorInfo[] {
  const { engine } = backend;
  const scale = engine.memory.f32[backend.address(input({ inputs }, 'gradientScale')) / 4] as number;
  if (!(scale >= 0)) return [];
  const { learningRate, beta2, epsilon, clipThreshold, beta1, leastScale = -1 } = attributes;
  attributes.weightDecays.forEach((weightDecay, i) => {
    const parameter = input({ inputs }, `parameter${i}`);
    const address = (name: string) => backend.address(input({ inputs }, `${name}${i}`));
    const size = sizeOf(parameter);
    if (size === 0) return;
    backend.changed(parameter);
    const first = inputs[`firstMoment${i}`];
    const integers = [
      ...[address('parameter'), address('gradient'), first ? backend.address(first) : 0],
      ...Array.from({ length: 9 }, () => 0),
    ];
    const floats = {
      ...{ 3: scale, 4: beta2, 5: 1 - beta2, 6: epsilon, 7: learningRate, 8: clipThreshold },
      ...{ 9: leastScale, 10: beta1, 11: weightDecay },
    };
    const options = { floats, work: size * 4 };
    if (parameter.shape.length < 2) {
      const sums = engine.scratch(Math.ceil(size / CHUNK) * SUMS);
      engine.run('adafactorVector', [...integers, sums, size, address('secondMoment')], options);
      return;
    }
    const [rows = 1, columns = 1] = parameter.shape.slice(-2);
    const matrices = size / rows / columns;
    const units = matrices * Math.ceil(rows / CHUNK_ROWS);
    const sums = engine.scratch(units * (SUMS + columns * 4) + matrices * columns * 4);
    const partial = sums + units * SUMS;
    const moments = [address('rowMoment'), address('columnMoment')];
    const places = [sums, matrices, rows, columns, ...moments, partial, partial + units * columns * 4];
    engine.run('adafactorMatrices', [...integers, ...places], options);
  });
  return [];
}

/** Kernel of `adafactorStep` in @formers/backend. */
export const adafactorKernels: KernelTable = { FormersAdafactor: adafactor };
