import { linearCrossEntropy, valueAndGradients } from '@formers/backend';
import {
  engine,
  mul,
  scalar,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
  valueAndGrads,
} from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, expectSameBits, readValues } from '../../testing/src/close.ts';
import { useEngineForTests } from '../../testing/src/engine.ts';
import { randomTensor } from '../../testing/src/random-tensor.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

useEngineForTests(webgpu({ gpu: await dawn() }));

const [ROWS, DIM, CLASSES] = [300, 5, 9];
const isIgnored = (row: number): boolean => row % 7 === 0;
const LABELS = Int32Array.from({ length: ROWS }, (_, row) => (isIgnored(row) ? -100 : row % CLASSES));

interface Inputs {
  readonly x: Tensor2D;
  readonly weight: Tensor2D;
  readonly bias: Tensor1D;
}

const inputs = (): Inputs => ({
  x: randomTensor<Tensor2D>([ROWS, DIM]),
  weight: randomTensor<Tensor2D>([CLASSES, DIM], { seed: 1 }),
  bias: randomTensor<Tensor1D>([CLASSES], { seed: 2 }),
});

const loss = ({ x, weight, bias }: Inputs): Scalar =>
  linearCrossEntropy(x, weight, { labels: tensor1d(LABELS, 'int32'), bias, labelSmoothing: 0.1 });

/** Numbers of what `f` makes, and how many dispatches it took, with so many logits at a time. */
async function run(
  f: () => readonly Tensor[],
  mostLogits = Infinity,
): Promise<{ dispatches: number; all: number[][] }> {
  const backend = engine().backend as unknown as FormersWebGPUBackend;
  const [most, before] = [backend.mostLogits, backend.figures.dispatches];
  backend.mostLogits = mostLogits;
  const made = f();
  backend.mostLogits = most;
  const dispatches = backend.figures.dispatches - before;
  return { dispatches, all: await Promise.all(made.map(readValues)) };
}

/** The loss and all of its gradients. */
function withGradients(outputGradient?: Scalar): readonly Tensor[] {
  const all = inputs();
  const options = outputGradient ? { outputGradient } : {};
  const { value, gradients } = valueAndGradients(() => loss(all), [all.x, all.weight, all.bias], options);
  return [value, ...gradients];
}

test('in chunks of rows as in one: four dispatches a chunk and two besides; the same bits again', async () => {
  const whole = await run(withGradients);
  const chunked = await run(withGradients, 128 * CLASSES);
  expect(whole.dispatches).toBe(2 + 4); // rows that count, the loss; logits, their slopes, gradients of x, of weight with bias
  expect(chunked.dispatches).toBe(2 + 3 * 4);
  chunked.all.forEach((numbers, i) => expectClose(numbers, whole.all[i]!, { rtol: 1e-5, atol: 1e-7 }));
  expectSameBits((await run(withGradients, 128 * CLASSES)).all, chunked.all);
});

test('without gradients it makes none; of frozen weights neither', async () => {
  const { dispatches } = await run(() => [loss(inputs())]);
  expect(dispatches).toBe(2 + 2);
  const frozen = await run(() => {
    const all = inputs();
    const { value, gradients } = valueAndGradients(() => loss({ ...all, x: mul(all.x, 1) as Tensor2D }), [all.x]);
    return [value, ...gradients];
  });
  expect(frozen.dispatches).toBe(1 + 2 + 3 + 1); // two multiplications
  const { all } = await run(withGradients);
  expectClose(frozen.all.flat(), [...all[0]!, ...all[1]!], { rtol: 1e-6 });
});

test('the gradient of the loss multiplies those that came with it', async () => {
  const { all } = await run(withGradients);
  const scaled = await run(() => withGradients(scalar(-0.5)));
  const later = await run(() => withGradients(mul(scalar(-0.5), scalar(1)) as Scalar)); // only the device knows it
  expect(scaled.dispatches).toBe(2 + 4 + 3);
  expectSameBits(scaled.all[0]!, all[0]!);
  for (const i of [1, 2, 3])
    expectClose(
      scaled.all[i]!,
      all[i]!.map((value) => -0.5 * value),
      { rtol: 1e-6, atol: 1e-9 },
    );
  expectSameBits(later.all, scaled.all);
});

test('what rows hold that do not count touches nothing, and their gradient is zero', async () => {
  const { all } = await run(withGradients, 128 * CLASSES);
  const poisoned = await run(() => {
    const rest = inputs();
    const values = randomTensor<Tensor2D>([ROWS, DIM]).arraySync();
    const x = tensor2d(values.map((row, i) => (isIgnored(i) ? row.map(() => Number.NaN) : row)));
    const { value, gradients } = valueAndGradients(() => loss({ ...rest, x }), [x, rest.weight, rest.bias]);
    return [value, ...gradients];
  }, 128 * CLASSES);
  expectSameBits(poisoned.all, all);
  const ofIgnored = all[1]!.filter((_, i) => isIgnored(Math.floor(i / DIM)));
  expect(new Set(ofIgnored)).toEqual(new Set([0]));
  expect(ofIgnored).toHaveLength(43 * DIM);
});

test("tfjs's own functions of gradients give the same", async () => {
  const { all } = await run(withGradients);
  const plain = await run(() => {
    const { x, weight, bias } = inputs();
    const f = valueAndGrads((...[a, b, c]: Tensor[]) => loss({ x: a as Tensor2D, weight: b as Tensor2D, bias: c as Tensor1D })); // prettier-ignore
    const { value, grads } = f([x, weight, bias]);
    return [value, ...grads];
  });
  expectSameBits(plain.all, all);
});
