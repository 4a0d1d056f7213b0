import { type AdafactorNumbers, type AdafactorSlot, adafactorStep, normalValues, randomKey } from '@formers/backend';
import { type Scalar, scalar, tensor, type Variable, variable, zeros } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, expectSameBits, readValues } from '../close.ts';

const VARIANTS: readonly Pick<AdafactorNumbers, 'beta1' | 'leastScale' | 'clipThreshold' | 'decayRate'>[] = [
  {},
  { leastScale: 1e-3, clipThreshold: 0.5 },
  { beta1: 0.9, decayRate: -0.5 },
];

/** Scalars, vectors, matrices below, at and above the sizes of chunks, stacks of matrices. */
const SHAPES = [[], [7], [16_390], [1, 1], [3, 5], [64, 8], [65, 33], [2, 3, 5], [3, 70, 4], [197, 130]] as const;

/** What a step should do, in float64: `Adafactor` of transformers, written down again. */
class Reference {
  readonly p: Float64Array;
  readonly #shape: readonly number[];
  readonly #row: Float64Array;
  readonly #column: Float64Array;
  readonly #full: Float64Array;
  readonly #first: Float64Array;

  constructor(shape: readonly number[], values: ArrayLike<number>) {
    this.p = Float64Array.from(values);
    this.#shape = shape;
    const [rows = 1, columns = 1] = shape.slice(-2);
    this.#row = new Float64Array(this.p.length / columns);
    this.#column = new Float64Array(this.p.length / rows);
    this.#full = new Float64Array(this.p.length);
    this.#first = new Float64Array(this.p.length);
  }

  step(gradient: Float64Array, { beta2, rate, weightDecay, clip, beta1, leastScale }: ReferenceNumbers): void {
    const squares = gradient.map((g) => g * g + 1e-30);
    let update: Float64Array;
    if (this.#shape.length < 2) {
      squares.forEach((square, i) => (this.#full[i] = beta2 * (this.#full[i] as number) + (1 - beta2) * square));
      update = gradient.map((g, i) => g / Math.sqrt(this.#full[i] as number));
    } else {
      const [rows, columns] = this.#shape.slice(-2) as [number, number];
      const at = (i: number) => ({
        row: Math.floor(i / columns),
        column: Math.floor(i / (rows * columns)) * columns + (i % columns),
      });
      this.#row.forEach((value, i) => (this.#row[i] = beta2 * value));
      this.#column.forEach((value, i) => (this.#column[i] = beta2 * value));
      squares.forEach((square, i) => {
        const { row, column } = at(i);
        this.#row[row] = (this.#row[row] as number) + ((1 - beta2) * square) / columns;
        this.#column[column] = (this.#column[column] as number) + ((1 - beta2) * square) / rows;
      });
      const means = this.#row.map((_, i) => {
        const first = i - (i % rows);
        return this.#row.subarray(first, first + rows).reduce((sum, value) => sum + value, 0) / rows;
      });
      update = gradient.map((g, i) => {
        const { row, column } = at(i);
        return (
          (g * Math.sqrt(means[row] as number)) /
          Math.sqrt((this.#row[row] as number) * (this.#column[column] as number))
        );
      });
    }
    const scale = leastScale === undefined ? rate : rate * Math.max(leastScale, rootMeanSquare(this.p));
    const clipped = Math.max(1, rootMeanSquare(update) / clip);
    update.forEach((u, i) => {
      let moved = (u / clipped) * scale;
      if (beta1 !== undefined) {
        moved = beta1 * (this.#first[i] as number) + (1 - beta1) * moved;
        this.#first[i] = moved;
      }
      this.p[i] = (this.p[i] as number) * (1 - weightDecay * scale) - moved;
    });
  }
}

interface ReferenceNumbers {
  readonly beta2: number;
  readonly rate: number;
  readonly weightDecay: number;
  readonly clip: number;
  readonly beta1: number | undefined;
  readonly leastScale: number | undefined;
}

const rootMeanSquare = (x: Float64Array) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0) / x.length);

function slotOf(
  shape: readonly number[],
  values: Float32Array,
  hasFirstMoment: boolean,
): Omit<AdafactorSlot, 'gradient'> {
  const isFactored = shape.length >= 2;
  const moment = (of: readonly number[], isThere: boolean) => (isThere ? variable(zeros([...of])) : undefined);
  return {
    parameter: variable(tensor(values, [...shape])),
    rowMoment: moment(shape.slice(0, -1), isFactored),
    columnMoment: moment([...shape.slice(0, -2), ...shape.slice(-1)], isFactored),
    secondMoment: moment(shape, !isFactored),
    firstMoment: moment(shape, hasFirstMoment),
    weightDecay: shape.length % 2 ? 0.05 : 0,
  };
}

function disposeSlot({
  parameter,
  rowMoment,
  columnMoment,
  secondMoment,
  firstMoment,
}: Omit<AdafactorSlot, 'gradient'>): void {
  for (const owned of [parameter, rowMoment, columnMoment, secondMoment, firstMoment]) owned?.dispose();
}

/** Adafactor in place. */
export function adafactorTests(): void {
  test.each(VARIANTS)('adafactorStep %j: three steps, as in float64', async (options) => {
    const { beta1, leastScale, clipThreshold = 1, decayRate = -0.8 } = options;
    const runs = SHAPES.map((shape, i) => {
      const values = normalValues(
        randomKey(i, 'parameter'),
        shape.reduce<number>((size, axis) => size * axis, 1),
      );
      return { shape, slot: slotOf(shape, values, beta1 !== undefined), reference: new Reference(shape, values) };
    });
    for (let step = 1; step <= 3; step++) {
      const gradients = runs.map(({ reference }, i) =>
        normalValues(randomKey(step * 20 + i, 'gradient'), reference.p.length).map((g) => g * 10 ** (i % 3)),
      );
      adafactorStep(
        runs.map(({ slot, shape }, i) => ({ ...slot, gradient: tensor(gradients[i] as Float32Array, [...shape]) })),
        { ...options, learningRate: 0.1, step, gradientScale: scalar(0.5) as Scalar },
      );
      runs.forEach(({ slot: { weightDecay }, reference }, i) =>
        reference.step(
          Float64Array.from(gradients[i] as Float32Array, (g) => 0.5 * g),
          {
            beta2: 1 - step ** decayRate,
            rate: 0.1,
            weightDecay,
            clip: clipThreshold,
            beta1,
            leastScale,
          },
        ),
      );
    }
    for (const { slot, reference } of runs) {
      expectClose(await readValues(slot.parameter), reference.p, { rtol: 2e-5, atol: 2e-6 });
      disposeSlot(slot);
    }
  });

  test('adafactorStep: a negative scale changes nothing', async () => {
    const slots = [[2], [2, 2]].map((shape) =>
      slotOf(
        shape,
        Float32Array.from({ length: 2 ** shape.length }, (_, i) => i),
        true,
      ),
    );
    adafactorStep(
      slots.map((slot) => ({ ...slot, gradient: slot.parameter.clone() })),
      { learningRate: 0.1, step: 1, gradientScale: scalar(-1) as Scalar },
    );
    for (const slot of slots) {
      expectSameBits(
        await readValues(slot.parameter),
        Float32Array.from({ length: slot.parameter.size }, (_, i) => i),
      );
      for (const moment of [slot.firstMoment, slot.secondMoment, slot.rowMoment, slot.columnMoment])
        if (moment) expectSameBits(await readValues(moment), new Float32Array(moment.size));
      disposeSlot(slot);
    }
  });

  test('adafactorStep: moments that do not fit are refused', () => {
    const slot = slotOf([2, 3], new Float32Array(6), false);
    const swapped = { ...slot, rowMoment: slot.columnMoment as Variable, columnMoment: slot.rowMoment as Variable };
    const numbers = { learningRate: 0.1, step: 1, gradientScale: scalar(1) as Scalar };
    expect(() => adafactorStep([{ ...swapped, gradient: zeros([2, 3]) }], numbers)).toThrow(
      'slots[0] with a parameter [2, 3]',
    );
    disposeSlot(slot);
  });
}
