import { dropout, RandomStream, valueAndGradients, withDropout } from '@formers/backend';
import { add, mul, ones as onesOf, type Tensor, tensor1d, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectGradients,
  expectOwned,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import { Dropout, Embedding, FeedForward, LayerNorm, Linear, normal, RMSNorm } from '../src/index.ts';

useEngineForTests();

const random = (): RandomStream => new RandomStream(1, 'init');

describe('Linear', () => {
  test('by hand', () => {
    using layer = new Linear<Tensor2D>({ inDim: 2, outDim: 3, random: random() });
    layer.weight.assign(
      tensor2d([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    );
    layer.bias!.assign(tensor1d([10, 20, 30]));
    expectSameBits(layer.call(tensor2d([[1, -1]])), [9, 19, 29]);
    expectSameBits(
      layer.call(tensor2d([[1, -1]]), { activation: 'identity', residual: tensor2d([[1, 1, 1]]) }),
      [10, 20, 30],
    );
  });

  test('starts with a bias of zero, and has none when told so', () => {
    using layer = new Linear({ inDim: 2, outDim: 3, random: random() });
    expectSameBits(layer.bias!, [0, 0, 0]);
    using bare = new Linear({ inDim: 2, outDim: 3, bias: false, random: random() });
    expect(bare.bias).toBeUndefined();
    expect([...bare.namedParameters().keys()]).toEqual(['weight']);
  });
});

describe('Embedding', () => {
  test('looks up rows; starts with a deviation of 1', () => {
    using table = new Embedding({ vocabSize: 200, dim: 50, random: random() });
    const values = valuesOf(table.weight);
    const std = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    expect(Math.abs(std - 1)).toBeLessThan(0.05);
    expectSameBits(table.call(tensor2d([[3, 3]], [1, 2], 'int32')), [
      ...values.slice(150, 200),
      ...values.slice(150, 200),
    ]);
  });
});

describe('norms', () => {
  const row = (): Tensor2D => tensor2d([[1, 2, 4, 8]]);

  test('LayerNorm starts as the plain normalisation, and applies gain, shift and epsilon', () => {
    using norm = new LayerNorm<Tensor2D>({ dim: 4, epsilon: 0.5 });
    const [mean, variance] = [3.75, 85 / 4 - 3.75 ** 2];
    const plain = [1, 2, 4, 8].map((value) => (value - mean) / Math.sqrt(variance + 0.5));
    expectClose(norm.call(row()), plain);
    norm.weight.assign(tensor1d([1, 2, 3, 4]));
    norm.bias.assign(tensor1d([5, 6, 7, 8]));
    expectClose(
      norm.call(row()),
      plain.map((value, i) => value * (i + 1) + 5 + i),
    );
  });

  test('RMSNorm has no shift', () => {
    using norm = new RMSNorm<Tensor2D>({ dim: 4, epsilon: 0.5 });
    const plain = [1, 2, 4, 8].map((value) => value / Math.sqrt(85 / 4 + 0.5));
    expectClose(norm.call(row()), plain);
    norm.weight.assign(tensor1d([1, 2, 3, 4]));
    expectClose(
      norm.call(row()),
      plain.map((value, i) => value * (i + 1)),
    );
    expect([...norm.namedParameters().keys()]).toEqual(['weight']);
  });

  test('the default epsilon is 1e-5', () => {
    using layer = new LayerNorm({ dim: 4 });
    using rms = new RMSNorm({ dim: 4 });
    expect([layer.epsilon, rms.epsilon]).toEqual([1e-5, 1e-5]);
  });
});

describe('Dropout', () => {
  test('is on in a withDropout scope alone', () => {
    const dropout = new Dropout(0.5);
    const x = onesOf([1000]);
    expectSameBits(dropout.call(x), x);
    const values = withDropout({ seed: 1, step: 1 }, () => valuesOf(dropout.call(x)));
    expect(new Set(values)).toEqual(new Set([0, 2]));
    expectOwned(() => dropout.call(x));
    expect(dropout.parameters()).toEqual([]);
  });
});

describe('Embedding with padding', () => {
  const make = (): Embedding => new Embedding({ vocabSize: 5, dim: 2, paddingId: 3, random: random() });

  test('starts it at zero, and looks up what it holds', () => {
    using table = make();
    const values = valuesOf(table.weight);
    expect(values.map((value) => value === 0)).toEqual([
      ...new Array<boolean>(6).fill(false),
      true,
      true,
      false,
      false,
    ]);
    table.weight.assign(tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [5, 2]));
    const ids = tensor2d([[3, 0, 3, 4]], [1, 4], 'int32');
    expectSameBits(table.call(ids), [7, 8, 1, 2, 7, 8, 9, 10]);
    const { value } = valueAndGradients(() => table.call(ids), [table.weight]);
    expectSameBits(value, [7, 8, 1, 2, 7, 8, 9, 10]);
    expectOwned(() => table.call(ids));
  });

  test('gives it no gradient, and the others theirs', () => {
    using table = make();
    const ids = tensor2d([[3, 0, 3, 4, 0]], [1, 5], 'int32');
    const { gradients } = valueAndGradients(() => table.call(ids), [table.weight]);
    expectSameBits(gradients[0]!, [2, 2, 0, 0, 0, 0, 0, 0, 1, 1]);
    using plain = new Embedding({ vocabSize: 5, dim: 2, random: random() });
    expectSameBits(
      valueAndGradients(() => plain.call(ids), [plain.weight]).gradients[0]!,
      [2, 2, 0, 0, 0, 0, 2, 2, 1, 1],
    );
  });
});

describe('LayerNorm with a residual', () => {
  test('is the norm of the sum, with the gradient of both', () => {
    using norm = new LayerNorm({ dim: 4, epsilon: 1e-3 });
    norm.weight.assign(tensor1d([1, -2, 0.5, 3]));
    norm.bias.assign(tensor1d([0.1, 0.2, 0.3, 0.4]));
    const [x, residual] = [randomTensor<Tensor>([2, 3, 4]), randomTensor<Tensor>([2, 3, 4], { seed: 1 })];
    expectClose(norm.call(x, { residual }), norm.call(add(x, residual)));
    expectOwned(() => norm.call(x, { residual }));
    expectGradients((...[a, b]: [Tensor, Tensor]) => norm.call(a, { residual: b }), [x, residual]);
  });
});

describe('FeedForward', () => {
  test('may have no biases', () => {
    using mlp = new FeedForward<Tensor2D>({ dim: 2, hiddenDim: 3, activation: 'relu', bias: false, random: random() });
    expect([...mlp.namedParameters().keys()]).toEqual(['hidden.weight', 'output.weight']);
  });

  test('drops what the activation gives, inside of withDropout alone', () => {
    using mlp = new FeedForward<Tensor2D>({
      dim: 4,
      hiddenDim: 64,
      activation: 'relu',
      activationDropout: 0.5,
      random: random(),
    });
    using plain = new FeedForward<Tensor2D>({ dim: 4, hiddenDim: 64, activation: 'relu', random: random() });
    const x = randomTensor<Tensor2D>([3, 4]);
    expectSameBits(mlp.call(x), plain.call(x));
    const dropped = withDropout({ seed: 1, step: 1 }, () => mlp.call(x));
    const hidden = withDropout({ seed: 1, step: 1 }, () => dropout(plain.hidden.call(x, { activation: 'relu' }), 0.5));
    expectSameBits(dropped, plain.output.call(hidden));
  });

  test('by hand', () => {
    using mlp = new FeedForward<Tensor2D>({ dim: 2, hiddenDim: 3, activation: 'relu', random: random() });
    mlp.hidden.weight.assign(
      tensor2d([
        [1, 0],
        [0, 1],
        [-1, -1],
      ]),
    );
    mlp.hidden.bias!.assign(tensor1d([0, 1, 0]));
    mlp.output.weight.assign(
      tensor2d([
        [1, 2, 5],
        [3, 4, 7],
      ]),
    );
    mlp.output.bias!.assign(tensor1d([0.5, -0.5]));
    expectSameBits(mlp.call(tensor2d([[2, 3]])), [2 + 8 + 0.5, 6 + 16 - 0.5]); // hidden is relu(2, 4, -5)
  });

  test('the weights start as told, the second one apart if told', () => {
    const std = (values: number[]): number =>
      Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    using mlp = new FeedForward({
      dim: 60,
      hiddenDim: 240,
      activation: 'gelu',
      init: normal(0.5),
      outputInit: normal(0.1),
      random: random(),
    });
    expect(std(valuesOf(mlp.hidden.weight)) / 0.5).toBeCloseTo(1, 1);
    expect(std(valuesOf(mlp.output.weight)) / 0.1).toBeCloseTo(1, 1);
    using same = new FeedForward({ dim: 60, hiddenDim: 240, activation: 'gelu', init: normal(0.5), random: random() });
    expect(std(valuesOf(same.output.weight)) / 0.5).toBeCloseTo(1, 1);
  });

  test('dropout is of the output', () => {
    using mlp = new FeedForward<Tensor2D>({
      dim: 30,
      hiddenDim: 5,
      activation: 'tanh',
      dropout: 0.5,
      random: random(),
    });
    const x = randomTensor<Tensor2D>([4, 30]);
    const plain = valuesOf(mlp.call(x));
    const dropped = withDropout({ seed: 1, step: 1 }, () => valuesOf(mlp.call(x)));
    dropped.forEach((value, i) => expect(value === 0 || Math.abs(value - 2 * plain[i]!) < 1e-6).toBe(true));
    expect(dropped.filter((value) => value === 0).length).toBeGreaterThan(30);
  });

  test('gradients', () => {
    using mlp = new FeedForward<Tensor2D>({ dim: 3, hiddenDim: 5, activation: 'geluTanh', random: random() });
    expectGradients((x: Tensor2D) => mlp.call(x), [randomTensor<Tensor2D>([4, 3])]);
  });

  test('any rank', () => {
    using mlp = new FeedForward({ dim: 3, hiddenDim: 5, activation: 'silu', random: random() });
    expect(mlp.call(randomTensor([2, 2, 2, 3])).shape).toEqual([2, 2, 2, 3]);
    expect(mlp.call(randomTensor([3])).shape).toEqual([3]);
  });
});

test('the same seed gives the same weights, another one others', () => {
  const make = (seed: number): number[] => {
    using layer = new Linear({ inDim: 4, outDim: 4, random: new RandomStream(seed, 'init') });
    return valuesOf(layer.weight);
  };
  expect(make(1)).toEqual(make(1));
  expect(make(1)).not.toEqual(make(2));
});

test('a wrong width is told', async () => {
  using layer = new Linear<Tensor>({ inDim: 4, outDim: 2, random: random() });
  const x = add(mul(randomTensor([2, 3]), 1), 0);
  await expectError(() => layer.call(x), { code: 'shape', message: 'linear: x must be [..., 4], got [2, 3]' });
});
