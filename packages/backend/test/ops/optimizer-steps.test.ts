import {
  clone,
  dispose,
  type KernelFunc,
  registerKernel,
  reshape,
  scalar,
  type Scalar,
  type Tensor,
  tensor1d,
  tensor2d,
  unregisterKernel,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, test } from 'vitest';

import {
  expectClose,
  expectNoLeak,
  expectOwned,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../../testing/src/index.ts';
import { type AdamWNumbers, type AdamWSlot, adamWStep, globalNorm, gradientScale } from '../../src/index.ts';
import { tfjsEngine } from '../../src/tfjs-engine.ts';

useEngineForTests();

const NUMBERS = { learningRate: 0.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 } as const;

/** A slot with moments of zero. */
function slotOf(values: Tensor, gradient: Tensor, weightDecay = 0): AdamWSlot {
  return {
    parameter: variable(values),
    gradient,
    firstMoment: variable(zeros(values.shape)),
    secondMoment: variable(zeros(values.shape)),
    weightDecay,
  };
}

function free(...slots: AdamWSlot[]): void {
  for (const { parameter, firstMoment, secondMoment } of slots) dispose([parameter, firstMoment, secondMoment]);
}

function step(slots: AdamWSlot[], { gradientScale: scale = scalar(1), ...numbers }: Partial<AdamWNumbers> = {}): void {
  adamWStep(slots, { ...NUMBERS, step: 1, gradientScale: scale, ...numbers });
}

/** AdamW in float64. */
function reference(
  parameter: number[],
  gradients: number[][],
  { weightDecay = 0, scale = 1 }: { weightDecay?: number; scale?: number } = {},
): number[] {
  const { learningRate, beta1, beta2, epsilon } = NUMBERS;
  return parameter.map((start, i) => {
    let [p, m, v] = [start, 0, 0];
    gradients.forEach((gradient, t) => {
      const g = gradient[i]! * scale;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      p -= learningRate * weightDecay * p;
      p -= (learningRate * (m / (1 - beta1 ** (t + 1)))) / (Math.sqrt(v / (1 - beta2 ** (t + 1))) + epsilon);
    });
    return p;
  });
}

test('PyTorch`s numbers over three steps', () => {
  const slot = slotOf(tensor1d([1, -2, 0.5]), zeros([3]), 0.1);
  const gradients = [
    [0.1, -0.2, 3],
    [0.5, 0, -1],
    [-0.3, 0.25, 2],
  ];
  const expected = [
    [0.89000001, -1.88000001, 0.395],
    [0.79597699, -1.79333524, 0.35061933],
    [0.76320036, -1.79286765, 0.28626617],
  ];
  gradients.forEach((gradient, i) => {
    step([{ ...slot, gradient: tensor1d(gradient) }], { step: i + 1 });
    expectClose(slot.parameter, expected[i]!);
  });
  expectClose(slot.firstMoment, [0.0231, 0.0088, 0.353]);
  expectClose(slot.secondMoment, [0.01682625, 0.00493, 0.653625]);
  free(slot);
});

test('100 steps of random gradients agree with float64', () => {
  const start = randomTensor([20]);
  const gradients = Array.from({ length: 100 }, (_, t) => randomTensor([20], { seed: t, std: 10 ** ((t % 5) - 3) }));
  const slot = slotOf(start, start, 0.01);
  gradients.forEach((gradient, t) => step([{ ...slot, gradient }], { step: t + 1 }));
  expectClose(
    slot.parameter,
    reference(
      valuesOf(start),
      gradients.map((gradient) => valuesOf(gradient)),
      { weightDecay: 0.01 },
    ),
    { rtol: 1e-4, atol: 1e-5 },
  );
  free(slot);
});

test('several parameters of other shapes, each with its own decay', () => {
  const [first, second] = [slotOf(tensor2d([[1, 2]]), tensor2d([[0, 0]]), 0.5), slotOf(scalar(3), scalar(1), 0)];
  step([first, second]);
  expectClose(first.parameter, [0.95, 1.9]); // decay alone: 1 - 0.1 · 0.5
  expectClose(second.parameter, 2.9); // the first step is the learning rate long
  free(first, second);
});

describe('gradientScale', () => {
  test('clips to the norm as PyTorch does', () => {
    expectClose(gradientScale(scalar(13), 1), 1 / (13 + 1e-6));
    expectClose(gradientScale(scalar(0.5), 1), 1);
    expectClose(gradientScale(scalar(0), 1), 1);
    expectClose(gradientScale(scalar(13)), 1);
  });

  test.each([NaN, Infinity])('a norm of %d gives -1', (norm) => {
    expectSameBits(gradientScale(scalar(norm), 1), [-1]);
    expectSameBits(gradientScale(scalar(norm)), [-1]);
  });

  test('owns its output', () => {
    const norm = scalar(2);
    expectOwned(() => gradientScale(norm, 1));
  });
});

describe('globalNorm', () => {
  test('is the root of the squares of all tensors together', () => {
    const tensors = [tensor1d([3, 0]), tensor2d([[4], [12]]), scalar(0)];
    expectClose(globalNorm(tensors), 13);
    expectOwned(() => globalNorm(tensors));
    expectClose(globalNorm([scalar(-7)]), 7);
  });

  test.each([NaN, Infinity, -Infinity])('is not finite when one number is %d', (bad) => {
    expect(Number.isFinite(valuesOf(globalNorm([tensor1d([1, bad]), scalar(2)]))[0])).toBe(false);
  });
});

test('clipped gradients: the direction is kept', () => {
  const gradient = tensor1d([3, 4, 12]);
  const slot = slotOf(tensor1d([1, 1, 1]), gradient);
  step([slot], { gradientScale: gradientScale(globalNorm([gradient]), 1) });
  expectClose(slot.firstMoment, [0.3 / 13, 0.4 / 13, 1.2 / 13], { rtol: 1e-5 });
  expectClose(slot.parameter, reference([1, 1, 1], [[3, 4, 12]], { scale: 1 / 13 }));
  free(slot);
});

describe('a step that is not finite', () => {
  test.each([NaN, Infinity])('with %d in one gradient changes no bit of any parameter or moment', (bad) => {
    const slots = [
      slotOf(randomTensor([4]), tensor1d([1, bad, 2, 3]), 0.1),
      slotOf(randomTensor([2, 2]), randomTensor([2, 2]), 0.1),
    ];
    step(slots.map((slot) => ({ ...slot, gradient: randomTensor(slot.parameter.shape) })));
    const state = (): number[][] =>
      slots.flatMap(({ parameter, firstMoment, secondMoment }) =>
        [parameter, firstMoment, secondMoment].map((one) => valuesOf(one)),
      );
    const before = state();
    const norm = globalNorm(slots.map(({ gradient }) => gradient));
    step(slots, { step: 2, gradientScale: gradientScale(norm, 1) });
    expect(state()).toEqual(before);
    free(...slots);
  });
});

test('what shares the data of a parameter keeps its values', () => {
  const slot = slotOf(tensor1d([1, 2]), tensor1d([1, 1]));
  const [copy, view] = [clone(slot.parameter), reshape(slot.parameter, [2, 1])];
  step([slot]);
  expectClose(slot.parameter, [0.9, 1.9]);
  expectSameBits(copy, [1, 2]);
  expectSameBits(view, [1, 2]);
  free(slot);
});

test('1,000 steps leak nothing', async () => {
  const slot = slotOf(tensor1d([1, 2]), tensor1d([1, 1]));
  const one = scalar(1);
  step([slot]); // gives each variable data of its own
  await expectNoLeak(() => {
    for (let t = 1; t <= 1000; t++) step([slot], { step: t, gradientScale: one });
  });
  free(slot);
});

describe('with a kernel that writes in place', () => {
  afterEach(() => unregisterKernel('FormersAdamW', 'cpu'));

  /** A kernel that sets parameters to 7, in place, and remembers what it got. */
  function register(): { inputs: string[]; attributes: object }[] {
    const calls: { inputs: string[]; attributes: object }[] = [];
    const kernelFunc = ({ inputs, attrs }: { inputs: Record<string, Tensor>; attrs: object }): Scalar => {
      calls.push({ inputs: Object.keys(inputs), attributes: attrs });
      for (const name in inputs)
        if (name.startsWith('parameter')) (tfjsEngine().backend.readSync(inputs[name]!.dataId) as Float32Array).fill(7);
      return scalar(0);
    };
    registerKernel({ kernelName: 'FormersAdamW', backendName: 'cpu', kernelFunc: kernelFunc as unknown as KernelFunc });
    return calls;
  }

  test('it gets everything by name and number', () => {
    const calls = register();
    const slots = [slotOf(tensor1d([1]), tensor1d([1]), 0.1), slotOf(tensor1d([2]), tensor1d([1]))];
    step(slots, { step: 5 });
    expect(calls).toEqual([
      {
        inputs: [
          'gradientScale',
          ...[0, 1].flatMap((i) => [`parameter${i}`, `gradient${i}`, `firstMoment${i}`, `secondMoment${i}`]),
        ],
        attributes: { ...NUMBERS, step: 5, weightDecays: [0.1, 0] },
      },
    ]);
    free(...slots);
  });

  test('data that a clone or a reshape shares is copied first', () => {
    register();
    const slot = slotOf(tensor1d([1, 2]), zeros([2]));
    const [copy, view] = [clone(slot.parameter), reshape(slot.parameter, [2, 1])];
    step([slot]);
    expectSameBits(slot.parameter, [7, 7]);
    for (const other of [copy, view]) expectSameBits(other, [1, 2]);
    free(slot);
  });

  test('data that nothing shares is written in place', () => {
    register();
    const initial = tensor1d([1, 2]);
    const slot = slotOf(initial, zeros([2]));
    initial.dispose(); // a variable shares the data it was made from
    const { dataId } = slot.parameter;
    step([slot]);
    expectSameBits(slot.parameter, [7, 7]);
    expect(slot.parameter.dataId).toBe(dataId);
    free(slot);
  });

  test('without a leak', async () => {
    register();
    const slot = slotOf(tensor1d([1, 2]), zeros([2]));
    const one = scalar(1);
    step([slot], { gradientScale: one }); // gives each variable data of its own
    await expectNoLeak(() => step([slot], { gradientScale: one }));
    free(slot);
  });
});
