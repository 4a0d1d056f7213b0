import {
  add,
  exp,
  matMul,
  mul,
  square,
  sum,
  type Tensor,
  type Tensor2D,
  tanh,
  tidy,
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
import { capture, checkpoint, dropout, report, valueAndGradients, withDropout } from '../src/index.ts';

useEngineForTests();

const weight = (seed: number): Tensor2D => randomTensor<Tensor2D>([4, 4], { seed, std: 0.5 });

/** A layer with two dropouts, as models have them. */
function layer(x: Tensor2D, w: Tensor2D): Tensor2D {
  return add(x, dropout(tanh(matMul(dropout(x, 0.3), w)), 0.5));
}

describe.each([
  ['without dropout', <T>(f: () => T) => f()],
  ['with dropout', <T>(f: () => T) => withDropout({ seed: 7, step: 3 }, f)],
])('%s', (_, scope) => {
  test('value and gradients have the same bits with and without checkpointing', () => {
    const [x, w1, w2] = [randomTensor<Tensor2D>([3, 4]), weight(1), weight(2)];
    const run = (mark: (f: () => Tensor2D, xs: Tensor[]) => Tensor2D): Tensor[] => {
      const { value, gradients } = scope(() =>
        valueAndGradients(() => {
          const first = mark(() => layer(x, w1), [x, w1]);
          const second = mark(() => layer(first, w2), [first, w2]);
          return sum(square(second));
        }, [x, w1, w2]),
      );
      return [value, ...gradients];
    };
    const plain = run((f) => f());
    const marked = run((f, xs) => checkpoint(f, xs));
    marked.forEach((tensor, i) => expectSameBits(tensor, plain[i]!));
    expect([...plain[1]!.dataSync()].some((value) => value !== 0)).toBe(true);
  });
});

test('the dropout calls after a checkpoint go on where they would without it', () => {
  const x = randomTensor<Tensor2D>([2, 50]);
  const run = (mark: (f: () => Tensor) => Tensor): Tensor =>
    withDropout(
      { seed: 1, step: 1 },
      () =>
        valueAndGradients(
          () =>
            sum(
              dropout(
                mark(() => dropout(x, 0.5)),
                0.5,
              ),
            ),
          [x],
        ).value,
    );
  expectSameBits(
    run((f) => checkpoint(f, [x])),
    run((f) => f()),
  );
});

test('nested checkpoints', () => {
  const x = randomTensor([5]);
  const inner = (y: Tensor): Tensor => checkpoint(() => exp(tanh(y)), [y]);
  const { gradients } = valueAndGradients(() => sum(checkpoint(() => square(inner(x)), [x])), [x]);
  const expected = valueAndGradients(() => sum(square(exp(tanh(x)))), [x]);
  expectSameBits(gradients[0]!, expected.gradients[0]!);
});

test('an intermediate tensor whose scope has ended by the reverse pass', () => {
  const [x, w] = [randomTensor<Tensor2D>([2, 4]), weight(1)];
  const module = (mark: boolean): Tensor2D =>
    tidy(() => {
      const hidden = tanh(x); // freed when this tidy ends
      const body = (): Tensor2D => matMul(dropout(hidden, 0.1), w); // dropout is off: another handle to hidden
      return mark ? checkpoint(body, [hidden, w]) : body();
    });
  const [dx, dw] = valueAndGradients(() => sum(square(module(true))), [x, w]).gradients as [Tensor, Tensor];
  const [wantedDx, wantedDw] = valueAndGradients(() => sum(square(module(false))), [x, w]).gradients as [
    Tensor,
    Tensor,
  ];
  expectSameBits(dx, wantedDx);
  expectSameBits(dw, wantedDw);
});

test('the identity', () => {
  const x = randomTensor([3]);
  expectClose(valueAndGradients(() => sum(square(checkpoint(() => x, [x]))), [x]).gradients[0]!, mul(x, 2));
});

test('activations inside are not kept', () => {
  const x = randomTensor([100]);
  const deep = (): Tensor => {
    let y: Tensor = x;
    for (let i = 0; i < 20; i++) y = tanh(mul(y, 1.1));
    return y;
  };
  const kept = (mark: boolean): number => {
    let held = 0;
    valueAndGradients(() => {
      const before = counts().tensors;
      const y = tidy(() => (mark ? checkpoint(deep, [x]) : deep()));
      held = counts().tensors - before;
      return sum(y);
    }, [x]);
    return held;
  };
  expect(kept(true)).toBe(2); // the value, and the alias of x
  expect(kept(false)).toBeGreaterThan(20);
});

test('without a tape it is a call of f', () => {
  const x = randomTensor([3]);
  let calls = 0;
  expectOwned(() =>
    checkpoint(() => {
      calls++;
      return tidy(() => square(exp(x)));
    }, [x]),
  );
  expect(calls).toBe(1);
});

test('what a capture scope collects is collected once', () => {
  const x = randomTensor([3]);
  const body = (): Tensor => {
    const y = tanh(x);
    report('hiddenStates', () => y);
    return square(y);
  };
  const { value, hiddenStates } = capture(() => valueAndGradients(() => sum(checkpoint(body, [x])), [x]));
  expect(hiddenStates).toHaveLength(1);
  expectClose(hiddenStates[0]!, tanh(x));
  for (const tensor of [value.value, ...value.gradients, ...hiddenStates]) tensor.dispose();
});

test('memory, and errors in the second run', async () => {
  const w = variable(randomTensor([3]));
  expectOwned(() => valueAndGradients(() => sum(checkpoint(() => square(exp(w)), [w])), [w]));
  await expectNoLeak(() => {
    let calls = 0;
    const body = (): Tensor => {
      if (++calls === 2) throw new Error('second run');
      return square(exp(w));
    };
    expect(() => valueAndGradients(() => sum(checkpoint(body, [w])), [w])).toThrow('second run');
  });
  w.dispose();
});
