import {
  add,
  div,
  expandDims,
  greaterEqual,
  maximum,
  mean,
  mul,
  rsqrt,
  type Scalar,
  sqrt,
  square,
  sub,
  type Tensor,
  tidy,
  type Variable,
  where,
} from '@tensorflow/tfjs-core';

import { hasKernel } from '../define-op.ts';
import { ShapeError } from '../errors.ts';
import { updateInPlace } from './update-in-place.ts';

/** What Adafactor keeps and needs for one parameter: with two or more dimensions the moments of rows and columns, else the second moment. */
export interface AdafactorSlot {
  /** [..., rows, columns] or [size] */
  readonly parameter: Variable;
  readonly gradient: Tensor;
  /** [..., rows], means of squared gradients over the columns. */
  readonly rowMoment?: Variable | undefined;
  /** [..., columns], means of squared gradients over the rows. */
  readonly columnMoment?: Variable | undefined;
  /** [size], squared gradients of a parameter with fewer than two dimensions. */
  readonly secondMoment?: Variable | undefined;
  /** The shape of the parameter; optional. */
  readonly firstMoment?: Variable | undefined;
  readonly weightDecay: number;
}

/** Numbers of one Adafactor step. */
export interface AdafactorNumbers {
  /** Of this step; with `leastScale` a share of the size of each parameter. */
  readonly learningRate: number;
  /** Counts from 1. */
  readonly step: number;
  /** Exponent d of the decay of the second moment, `1 - step^d`; default -0.8. */
  readonly decayRate?: number;
  /** Added to squared gradients; default 1e-30. */
  readonly epsilon?: number;
  /** Largest root mean square of an update before the learning rate; default 1. */
  readonly clipThreshold?: number;
  /** Decay of the first moment; needed where slots have one. */
  readonly beta1?: number;
  /** If given, the rate of a parameter is the learning rate times its root mean square, or times this where that is less. */
  readonly leastScale?: number | undefined;
  /** Factor of all gradients, from `gradientScale`; negative = change nothing. */
  readonly gradientScale: Scalar;
}

/**
 * One Adafactor step on all parameters, in place (Shazeer and Stern 2018, algorithms 4 and 5), as `Adafactor` of Hugging Face's transformers computes it;
 * relative steps are the caller's, who gives the learning rate.
 *
 * Kernel `FormersAdafactor`: inputs `parameter0, gradient0, rowMoment0, columnMoment0, secondMoment0, firstMoment0, parameter1, ...` (those that are there) and
 * `gradientScale`; attributes: the numbers, and `weightDecays`, one per parameter.
 *
 * @throws {@link ShapeError} when the moments of a parameter don't fit its shape.
 */
export function adafactorStep(slots: readonly AdafactorSlot[], numbers: AdafactorNumbers): void {
  slots.forEach(checkMoments);
  if (!hasKernel('FormersAdafactor')) {
    for (const slot of slots) tidy(() => composition(slot, numbers));
    return;
  }
  const { gradientScale, ...rest } = numbers;
  updateInPlace('FormersAdafactor', {
    slots: slots.map(({ parameter, gradient, rowMoment, columnMoment, secondMoment, firstMoment }) => ({
      parameter,
      gradient,
      rowMoment,
      columnMoment,
      secondMoment,
      firstMoment,
    })),
    shared: { gradientScale },
    attributes: { ...withDefaults(rest), weightDecays: slots.map(({ weightDecay }) => weightDecay) },
  });
}

function checkMoments({ parameter, rowMoment, columnMoment, secondMoment }: AdafactorSlot, slot: number): void {
  const { shape, rank } = parameter;
  const fits = (moment: Variable | undefined, wanted: readonly number[]) => moment?.shape.join() === wanted.join();
  const isRight =
    rank >= 2
      ? fits(rowMoment, shape.slice(0, -1)) && fits(columnMoment, [...shape.slice(0, -2), ...shape.slice(-1)])
      : fits(secondMoment, shape);
  if (isRight) return;
  const wanted =
    rank >= 2 ? 'a rowMoment [..., rows] and a columnMoment [..., columns]' : 'a secondMoment of its shape';
  throw new ShapeError(`adafactorStep: slots[${slot}] with a parameter [${shape.join(', ')}] needs ${wanted}`);
}

type Resolved = Required<
  Pick<AdafactorNumbers, 'learningRate' | 'epsilon' | 'clipThreshold' | 'beta1' | 'leastScale'>
> & {
  readonly beta2: number;
};

function withDefaults({
  learningRate,
  step,
  decayRate = -0.8,
  epsilon = 1e-30,
  clipThreshold = 1,
  beta1 = 0,
  leastScale,
}: Omit<AdafactorNumbers, 'gradientScale'>): Resolved {
  return { learningRate, epsilon, clipThreshold, beta1, leastScale, beta2: 1 - step ** decayRate };
}

function composition(slot: AdafactorSlot, numbers: AdafactorNumbers): void {
  const { parameter, gradient, rowMoment, columnMoment, secondMoment, firstMoment, weightDecay } = slot;
  const { learningRate, epsilon, clipThreshold, beta1, leastScale, beta2 } = withDefaults(numbers);
  const apply = greaterEqual(numbers.gradientScale, 0);
  const g = mul(gradient, numbers.gradientScale);
  const squares = add(square(g), epsilon);
  const decayed = (moment: Tensor, next: Tensor) => add(mul(moment, beta2), mul(next, 1 - beta2));
  const written: [Variable, Tensor][] = [];
  let update: Tensor;
  if (rowMoment && columnMoment) {
    const row = decayed(rowMoment, mean(squares, -1)); // [..., rows]
    const column = decayed(columnMoment, mean(squares, -2)); // [..., columns]
    written.push([rowMoment, row], [columnMoment, column]);
    const rowFactor = expandDims(rsqrt(div(row, mean(row, -1, true))), -1); // [..., rows, 1]
    update = mul(mul(rowFactor, expandDims(rsqrt(column), -2)), g); // [..., rows, columns]
  } else {
    const next = decayed(secondMoment as Tensor, squares);
    written.push([secondMoment as Variable, next]);
    update = mul(rsqrt(next), g);
  }
  const rootMeanSquare = (x: Tensor) => sqrt(mean(square(x)));
  const rate =
    leastScale === undefined ? learningRate : mul(maximum(leastScale, rootMeanSquare(parameter)), learningRate);
  update = mul(div(update, maximum(div(rootMeanSquare(update), clipThreshold), 1)), rate);
  if (firstMoment) {
    update = add(mul(firstMoment, beta1), mul(update, 1 - beta1));
    written.push([firstMoment, update]);
  }
  // Subtracted, as 1 - rate · decay would be rounded the same way in every step, which adds up.
  written.push([parameter, sub(sub(parameter, mul(parameter, mul(rate, weightDecay))), update)]);
  for (const [variable, next] of written) variable.assign(where(apply, next, variable));
}
