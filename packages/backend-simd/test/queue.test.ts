import { linear, useBackend } from '@formers/backend';
import { add, matMul, ones, randomNormal, slice, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { beforeEach, expect, test } from 'vitest';

import { simd } from '../src/index.ts';
import { runningEngine } from '../src/start.ts';

beforeEach(async () => {
  await useBackend(simd({ threads: 3 }));
});

test('more operations than the queue has room for give their results in order', () => {
  const x = ones([128, 128]) as Tensor2D;
  const sum = tidy(() => {
    let y = x;
    for (let i = 0; i < 1000; i++) y = add(y, x);
    return y;
  });
  expect(sum.dataSync().every((value) => value === 1001)).toBe(true);
  for (const tensor of [x, sum]) tensor.dispose();
});

test('memory that is freed while kernels wait is written only after them', () => {
  const identity = tidy(() =>
    tensor2d(
      Float32Array.from({ length: 256 * 256 }, (_, i) => (i % 257 === 0 ? 1 : 0)),
      [256, 256],
    ),
  );
  for (let round = 0; round < 50; round++) {
    const x = tensor2d(new Float32Array(256 * 256).fill(round), [256, 256]);
    const y = tidy(() => linear(linear(linear(x, identity), identity), identity));
    x.dispose();
    const next = tensor2d(new Float32Array(256 * 256).fill(-1), [256, 256]); // takes the memory of x
    expect(y.dataSync().every((value) => value === round)).toBe(true);
    for (const tensor of [y, next]) tensor.dispose();
  }
  identity.dispose();
});

test('small operations among large ones keep their place', () => {
  const x = randomNormal([200, 200]) as Tensor2D;
  const sums = tidy(
    () => Array.from({ length: 40 }, (_, i) => add(slice(matMul(x, x), [0, 0], [20, 20]), i)), // one to share, two to run alone
  );
  const all = sums.map((sum) => sum.dataSync());
  const [first] = all as [Float32Array];
  all.forEach((values, i) => expect(values[377]).toBe(Math.fround((first[377] as number) + i)));
  for (const tensor of [x, ...sums]) tensor.dispose();
});

test('other threads take part in what is shared', () => {
  const x = randomNormal([256, 256]) as Tensor2D;
  const end = performance.now() + 30_000; // a busy machine may have no core for them for a while
  let helpers = 0;
  while (helpers === 0 && performance.now() < end) {
    tidy(() => matMul(x, x));
    helpers = runningEngine()?.helpers ?? 0;
  }
  expect(helpers).toBeGreaterThan(0);
  x.dispose();
});
