import fc from 'fast-check';
import {
  add,
  concat,
  customGrad,
  dispose,
  exp,
  grads,
  matMul,
  mean,
  mul,
  neg,
  relu,
  reshape,
  type Scalar,
  scalar,
  sigmoid,
  split,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  tensor1d,
  tensor2d,
  tidy,
  topk,
  transpose,
  unstack,
  variable,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  counts,
  expectClose,
  expectNoLeak,
  expectOwned,
  expectSameBits,
  randomTensor,
  useEngineForTests,
} from '../../testing/src/index.ts';
import { isTapeOn, valueAndGradients, vjp, withoutTape } from '../src/index.ts';
import { tfjsEngine } from '../src/tfjs-engine.ts';

useEngineForTests();

/** Gradients as numbers. */
function numbers(tensors: readonly Tensor[]): number[][] {
  return tensors.map((one) => [...one.dataSync()]);
}

describe('by hand', () => {
  test('value and gradient of a product', () => {
    const [x, y] = [scalar(3), scalar(-2)];
    const { value, gradients } = valueAndGradients(() => mul(mul(x, x), y), [x, y]);
    expectSameBits(value, [-18]);
    expect(numbers(gradients)).toEqual([[-12], [9]]);
  });

  test('the gradient of the output is passed on; default ones', () => {
    const x = tensor1d([1, 2]);
    const f = (): Tensor => square(x);
    expect(numbers(vjp(f, [x], tensor1d([10, 100])))).toEqual([[20, 400]]);
    expect(numbers(valueAndGradients(f, [x]).gradients)).toEqual([[2, 4]]);
  });

  test('what the value does not depend on has a gradient of zeros, in the order asked', () => {
    const [x, unused, y] = [scalar(2), tensor2d([[1, 2]]), scalar(5)];
    const { gradients } = valueAndGradients(() => mul(x, y), [y, unused, x]);
    expect(numbers(gradients)).toEqual([[2], [0, 0], [5]]);
    expect(gradients[1]?.shape).toEqual([1, 2]);
  });

  test('a tensor asked for twice has two gradients of its own', () => {
    const x = scalar(3);
    const [first, second] = valueAndGradients(() => square(x), [x, x]).gradients as [Tensor, Tensor];
    first.dispose();
    expect([...second.dataSync()]).toEqual([6]);
  });

  test('the gradient with respect to a variable', () => {
    const weight = variable(tensor1d([1, 2]));
    const [gradient] = valueAndGradients(() => sum(mul(weight, tensor1d([3, 4]))), [weight]).gradients as [Tensor];
    expect([...gradient.dataSync()]).toEqual([3, 4]);
    weight.dispose();
  });

  test('the identity, whose value is its input, leaves the input alive', () => {
    const x = tensor1d([1, 2]);
    expect(numbers(vjp(() => x, [x], tensor1d([3, 4])))).toEqual([[3, 4]]);
    expect([...x.dataSync()]).toEqual([1, 2]);
  });

  test('only one output of several is used', () => {
    const x = tensor1d([1, 2, 3, 4]);
    const { gradients } = valueAndGradients(() => sum(square(split(x, 2)[1] as Tensor)), [x]);
    expect(numbers(gradients)).toEqual([[0, 0, 6, 8]]);
  });
});

describe('handed-through gradients', () => {
  test('addition hands one tensor to both inputs: x + x', () => {
    const x = tensor1d([1, 2]);
    expect(numbers(valueAndGradients(() => add(x, x), [x]).gradients)).toEqual([[2, 2]]);
  });

  test('two inputs of an addition get gradients that live apart', () => {
    const [x, y] = [tensor1d([1]), tensor1d([2])];
    const [dx, dy] = valueAndGradients(() => add(x, y), [x, y]).gradients as [Tensor, Tensor];
    dx.dispose();
    expect([...dy.dataSync()]).toEqual([1]);
  });

  test('the gradient of an asked-for intermediate tensor', () => {
    // x is made before, h inside: only what is made before can be asked for, so h is x's stand-in
    const h = tensor1d([2, 3]);
    const { gradients } = valueAndGradients(() => sum(mul(add(h, h), h)), [h]); // 2 h²
    expect(numbers(gradients)).toEqual([[8, 12]]);
  });

  test('a gradient function that gives its own dy to both inputs, which have other uses', () => {
    const plus = customGrad((a, b) => ({ value: add(a as Tensor, b as Tensor), gradFunc: (dy: Tensor) => [dy, dy] }));
    const x = tensor1d([1, 2]);
    const { gradients } = valueAndGradients(() => {
      const [a, b] = [mul(x, 2), mul(x, 3)];
      const y = plus(a, b); // in the reverse pass, a and b have gradients before y gets to them
      return sum(add(add(mul(y, y), mul(a, 10)), mul(b, 100)));
    }, [x]);
    expectClose(gradients[0]!, [2 * 5 * 5 + 20 + 300, 2 * 25 * 2 + 20 + 300]);
  });

  test('the outputGradient given stays the caller`s', () => {
    const x = tensor1d([1, 2]);
    const dy = tensor1d([5, 6]);
    const [dx] = vjp(() => add(x, 1), [x], dy) as [Tensor];
    dx.dispose();
    expect([...dy.dataSync()]).toEqual([5, 6]);
  });
});

/** Binary and unary operations with shapes kept, for random graphs. */
const OPERATIONS: readonly ((a: Tensor, b: Tensor) => Tensor)[] = [
  (a, b) => add(a, b),
  (a, b) => sub(a, b),
  (a, b) => mul(a, b),
  (a) => tanh(a),
  (a) => sigmoid(a),
  (a) => neg(a),
  (a) => relu(a),
  (a, b) => matMul(a, b),
  (a, b) => matMul(transpose(a), b),
  (a) => reshape(reshape(a, [9]), [3, 3]),
  (a, b) => split(concat([a, b], 0), 2)[0] as Tensor,
  (a) => add(mul(a, 0.5), mean(a, 0, true)), // broadcasts
  (a, b) => add(unstack(a)[1] as Tensor, b), // broadcasts a row
];

test('random graphs have the gradients of tfjs`s own grads, and leak nothing', () => {
  const step = fc.tuple(fc.nat(OPERATIONS.length - 1), fc.nat(), fc.nat());
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), fc.nat(1000), (steps, seed) => {
      const xs = [0, 1, 2].map((i) => randomTensor([3, 3], { seed: seed + i, std: 0.7 }));
      const build = (...inputs: Tensor[]): Tensor => {
        const made = [...inputs]; // operations take any two earlier results: diamonds, reuse and dead ends come about
        for (const [operation, i, j] of steps)
          made.push(OPERATIONS[operation]!(made[i % made.length]!, made[j % made.length]!));
        return sum(tanh(made.at(-1)!));
      };
      const expected = tidy(() => grads((...inputs: Tensor[]) => add(build(...inputs), mul(0, addAll(inputs))))(xs));
      const before = counts();
      const { value, gradients } = valueAndGradients(() => build(...xs), xs);
      expect(counts().tensors - before.tensors).toBe(4); // the value and three gradients
      gradients.forEach((gradient, i) => expectClose(gradient, expected[i]!, { rtol: 1e-4, atol: 1e-5 }));
      dispose([value, ...gradients, ...xs, ...expected]);
    }),
    { numRuns: 150 },
  );
});

/** tfjs's grads insists on a path to each input: a sum that counts nothing is one. */
function addAll(inputs: readonly Tensor[]): Tensor {
  return inputs.map((input) => sum(input) as Tensor).reduce((left, right) => add(left, right));
}

describe('nesting', () => {
  test('a vjp inside of a gradient function leaves the outer tape whole', () => {
    // cube(x) = x³, whose gradient is computed by another vjp, as recomputing parts of a model does
    const cube = customGrad((x, save) => {
      (save as (tensors: Tensor[]) => void)([x as Tensor]);
      return {
        value: mul(square(x as Tensor), x as Tensor),
        gradFunc: (dy: Tensor, [saved]: Tensor[]) => vjp(() => mul(square(saved!), saved!), [saved!], dy)[0]!,
      };
    });
    const x = tensor1d([2, -3]);
    const { value, gradients } = valueAndGradients(() => sum(mul(cube(mul(x, 2)), x)), [x]); // 8 x⁴
    expectClose(value, 8 * 16 + 8 * 81);
    expectClose(gradients[0]!, [32 * 8, 32 * -27]);
  });

  test('a valueAndGradients inside of another`s f is a constant to it', () => {
    const x = scalar(3);
    const { gradients } = valueAndGradients(() => {
      const [inner] = valueAndGradients(() => square(x), [x]).gradients as [Tensor]; // 2 x, not recorded
      return mul(inner, x);
    }, [x]);
    expect(numbers(gradients)).toEqual([[6]]);
  });

  test('withoutTape cuts the way back', () => {
    const x = scalar(3);
    const { value, gradients } = valueAndGradients(
      () =>
        add(
          withoutTape(() => square(x)),
          x,
        ),
      [x],
    );
    expectSameBits(value, [12]);
    expect(numbers(gradients)).toEqual([[1]]);
  });

  test('isTapeOn is true inside f alone', () => {
    const seen: boolean[] = [isTapeOn()];
    const x = scalar(1);
    valueAndGradients(() => {
      seen.push(isTapeOn());
      withoutTape(() => seen.push(isTapeOn()));
      seen.push(isTapeOn());
      return square(x);
    }, [x]);
    seen.push(isTapeOn());
    expect(seen).toEqual([false, true, false, true, false]);
  });
});

describe('errors', () => {
  /** What of the engine's state an error could break. */
  function state(): object {
    const { activeTape, gradientDepth, kernelDepth } = tfjsEngine().state;
    return { activeTape, gradientDepth, kernelDepth };
  }

  const x = (): Tensor => tensor1d([1, 2]);

  test.each<[string, RegExp, (x: Tensor) => unknown]>([
    [
      'in f',
      /stop here/,
      (input) =>
        valueAndGradients(() => {
          exp(square(input));
          throw new Error('stop here');
        }, [input]),
    ],
    [
      'in withoutTape',
      /stop here/,
      (input) =>
        valueAndGradients(
          () =>
            withoutTape(() => {
              throw new Error('stop here');
            }),
          [input],
        ),
    ],
    [
      'of an operation without gradient',
      /TopK has no gradient/,
      (input) => valueAndGradients(() => sum(topk(exp(input), 1).values), [input]),
    ],
    [
      'of a wrong outputGradient',
      /outputGradient must be \[2\], got \[3\]/,
      (input) => vjp(() => exp(input), [input], tensor1d([1, 2, 3])),
    ],
    [
      'in a gradient function',
      /no way back/,
      (input) => {
        const broken = customGrad((value) => ({
          value: square(value as Tensor),
          gradFunc: () => {
            throw new Error('no way back');
          },
        }));
        return valueAndGradients(() => sum(mul(broken(exp(input)), exp(input))), [input]);
      },
    ],
    [
      'in a nested vjp',
      /deep down/,
      (input) => {
        const nested = customGrad((value) => ({
          value: square(value as Tensor),
          gradFunc: (dy: Tensor) =>
            vjp(
              () => {
                exp(dy);
                throw new Error('deep down');
              },
              [dy],
              dy,
            )[0]!,
        }));
        return valueAndGradients(() => sum(nested(exp(input))), [input]);
      },
    ],
  ])('%s leave no tensor and no broken tape', async (_, message, run) => {
    const input = x();
    const before = state();
    await expectNoLeak(() => expect(() => tidy(() => void run(input))).toThrow(message)); // the tidy frees the wrong outputGradient
    expect(state()).toEqual(before);
    expect(numbers(valueAndGradients(() => sum(square(input)), [input]).gradients)).toEqual([[2, 4]]);
  });

  test('an error in f leaves nothing, without a scope around', async () => {
    const input = x();
    await expectNoLeak(() => {
      const stop = (): Tensor => {
        square(exp(square(input)));
        throw new Error('stop here');
      };
      expect(() => valueAndGradients(stop, [input])).toThrow('stop here');
    });
  });
});

test('memory: the value and the gradients are all that stays', () => {
  const weight = variable(randomTensor([4, 4]));
  const x = randomTensor([3, 4]);
  expectOwned(() => valueAndGradients(() => mean(square(tanh(matMul(x, weight)))) as Scalar, [weight, x]));
  weight.dispose();
});

test('activations are freed as the reverse pass goes, not at its end', () => {
  const x = randomTensor([1000]);
  const seen: number[] = [];
  const probe = customGrad((value) => ({
    value: (value as Tensor).clone(),
    gradFunc: (dy: Tensor) => {
      seen.push(counts().tensors);
      return dy.clone();
    },
  }));
  valueAndGradients(() => {
    let y: Tensor = x;
    for (let i = 0; i < 10; i++) y = probe(square(tanh(y)));
    return sum(y);
  }, [x]);
  expect(seen).toHaveLength(10);
  const steps = seen.slice(1).map((count, i) => count - seen[i]!);
  expect(steps.every((step) => step < 0)).toBe(true); // each block of the reverse pass holds fewer tensors than the one before
});

test('an int32 tensor on the way has no gradient, and does no harm', () => {
  const x = tensor([1.5, 2.5]);
  const ids = tensor([0, 1], [2], 'int32');
  expect(numbers(valueAndGradients(() => sum(mul(x, ids)), [x]).gradients)).toEqual([[0, 1]]);
});
