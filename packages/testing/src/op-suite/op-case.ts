import { activate, cpu, normalValues, randomKey, useBackend, valueAndGradients, withoutTape } from '@formers/backend';
import { type DataType, getBackend, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

import type { Array64 } from './array64.ts';

/** One input of an {@link OpCase}. */
export interface CaseInput {
  readonly shape: readonly number[];
  /** Default float32. */
  readonly dtype?: DataType;
  /** Default normal random numbers. */
  readonly values?: ArrayLike<number>;
  /** Whether its gradient is checked; default whether it is float32. */
  readonly differentiable?: boolean;
}

/** An operation on some inputs, and what it should give. */
export interface OpCase {
  readonly name: string;
  readonly inputs: readonly CaseInput[];
  /** On the engine under test. */
  readonly op: (inputs: Tensor[]) => Tensor;
  /** The same in float64, written from the definition and not from the op. */
  readonly reference: (inputs: Array64[]) => Float64Array;
  /** Largest error as a share of the largest number of the expected result; default 1e-5. */
  readonly tolerance?: number;
  /**
   * What storing a number with less precision changes of it at most, as a share of it, for engines that do so under a tape: then the value is found under one. Default 0.
   * A gradient reads several such numbers, some of them in sums: it may be off by eight times that.
   */
  readonly storageError?: number;
  /** Multiply-adds of the forward pass; default one for each number of the inputs. */
  readonly work?: number;
}

/** The multiply-adds of a case, forward. */
export function workOf({ work, inputs }: OpCase): number {
  return work ?? inputs.reduce((total, { shape }) => total + sizeOf(shape), 0);
}

/** What an engine makes of a case. */
interface Results {
  readonly value: Float32Array;
  readonly gradients: readonly Float32Array[];
}

/** What a case should give: the same for all engines, and slow to find, so it is kept. */
interface Expected {
  readonly reference: Float64Array;
  /** Of each gradient, its product with some directions. */
  readonly slopes: readonly { readonly along: Float32Array; readonly slope: number }[][];
  /** Of tfjs's plain engine, where every op is its composition. */
  readonly composed: Results;
}

const expectations = new WeakMap<OpCase, Expected>();

/**
 * Checks the value of a case against its float64 reference; its gradients against differences of the reference along random directions, and number by
 * number, with the value, against what tfjs's plain engine gives.
 */
export async function checkCase(opCase: OpCase): Promise<void> {
  const { inputs, tolerance = 1e-5, storageError = 0 } = opCase;
  const values = inputs.map(
    ({ shape, values: given }, i) => given ?? normalValues(randomKey(i, shape.join()), sizeOf(shape)),
  );
  const found = await results(opCase, values);
  const { reference, slopes, composed } = expectations.get(opCase) ?? (await expectedOf(opCase, values));
  expectNear('value', found.value, reference, tolerance + storageError);
  expectNear('value, by composition', found.value, composed.value, 2 * tolerance + storageError);
  found.gradients.forEach((gradient, i) => {
    const nearness = 4 * tolerance + 8 * storageError;
    expectNear(`gradient ${i}, by composition`, gradient, composed.gradients[i] as Float32Array, nearness);
    const scale = Math.hypot(...gradient) || 1; // what the product with a random direction is like
    for (const { along, slope } of slopes[i] ?? []) {
      expect(
        Math.abs(dot(along, gradient) - slope) / scale,
        `gradient ${i} along a direction: ${dot(along, gradient)} instead of ${slope}`,
      ).toBeLessThan(10 * tolerance + 8 * storageError);
    }
  });
}

async function expectedOf(opCase: OpCase, values: readonly ArrayLike<number>[]): Promise<Expected> {
  const reference = opCase.reference(arrays(opCase.inputs, values));
  const slopes = slopesOf(opCase, values, reference.length);
  const engine = getBackend();
  await useBackend(cpu());
  const expected = { reference, slopes, composed: await results(opCase, values) };
  await activate(engine); // not started again, which takes time
  expectations.set(opCase, expected);
  return expected;
}

/** Value and gradients on the active engine; the gradient of the value is random. */
async function results(
  { inputs, op, storageError = 0 }: OpCase,
  values: readonly ArrayLike<number>[],
): Promise<Results> {
  const made = tidy(() => {
    const tensors = inputs.map(({ shape, dtype = 'float32' }, i) =>
      tensor(typed(values[i] as ArrayLike<number>, dtype), [...shape], dtype),
    );
    const plain = withoutTape(() => op(tensors));
    const xs = tensors.filter((_, i) => isDifferentiable(inputs[i] as CaseInput));
    const weights = tensor(outputWeights(plain.size), plain.shape);
    const { value, gradients } = valueAndGradients(() => op(tensors), xs, { outputGradient: weights });
    gradients.forEach((gradient, i) => expect(gradient.shape, `shape of gradient ${i}`).toEqual(xs[i]?.shape));
    return [storageError > 0 ? value : plain, ...gradients];
  });
  const [value, ...gradients] = await Promise.all(made.map(numbers));
  for (const each of made) each.dispose();
  return { value: value as Float32Array, gradients };
}

/** Fourth-order differences of the reference along random directions, for each input with a gradient. */
function slopesOf(
  { inputs, reference }: OpCase,
  values: readonly ArrayLike<number>[],
  size: number,
): Expected['slopes'] {
  const weights = outputWeights(size);
  const step = 1e-4;
  return inputs.filter(isDifferentiable).map((input, i) => {
    const index = inputs.indexOf(input);
    return Array.from({ length: size > LARGE ? 1 : 2 }, (_, direction) => {
      const along = normalValues(randomKey(direction, `direction ${i}`), (values[index] as ArrayLike<number>).length);
      const at = (h: number): number => {
        const moved = arrays(inputs, values);
        const { data } = moved[index] as Array64;
        along.forEach((delta, j) => {
          data[j] = (data[j] as number) + h * delta;
        });
        return dot(weights, reference(moved));
      };
      return { along, slope: (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step) };
    });
  });
}

/** Numbers from which on one direction has to do. */
const LARGE = 4096;

function isDifferentiable({ differentiable, dtype = 'float32' }: CaseInput): boolean {
  return differentiable ?? dtype === 'float32';
}

const outputWeights = (size: number) => normalValues(randomKey(1, 'output weights'), size);

function arrays(inputs: readonly CaseInput[], values: readonly ArrayLike<number>[]): Array64[] {
  return inputs.map(({ shape }, i) => ({ shape, data: Float64Array.from(values[i] as ArrayLike<number>) }));
}

function typed(values: ArrayLike<number>, dtype: DataType): Float32Array | Int32Array | Uint8Array {
  if (dtype === 'int32') return Int32Array.from(values);
  return dtype === 'bool' ? Uint8Array.from(values) : Float32Array.from(values);
}

const numbers = async (x: Tensor) => Float32Array.from(await x.data());
const sizeOf = (shape: readonly number[]) => shape.reduce((product, axis) => product * axis, 1);

function dot(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += (left[i] as number) * (right[i] as number);
  return sum;
}

/** Fails unless all numbers are within a share of the largest wanted one. */
function expectNear(what: string, found: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  expect(found.length, `${what}: how many numbers`).toBe(wanted.length);
  let largest = 1e-3;
  for (let i = 0; i < wanted.length; i++) largest = Math.max(largest, Math.abs(wanted[i] as number));
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs((found[i] as number) - (wanted[i] as number)) / largest;
    if (!(error <= tolerance))
      expect.fail(
        `${what}: [${i}] is ${found[i]} instead of ${wanted[i]}, ${error.toExponential(1)} of the largest number`,
      );
  }
}
