import { RandomStream, valueAndGradients } from '@formers/backend';
import {
  add,
  mul,
  relu,
  scalar,
  square,
  sum,
  type Tensor,
  type Tensor2D,
  tensor1d,
  tensor2d,
  type Variable,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  counts,
  expectClose,
  expectNoLeak,
  expectOwned,
  expectSameBits,
  useEngineForTests,
} from '../../testing/src/index.ts';
import { Embedding, LayerNorm, Linear, Module, ones, parameter, zeros } from '../src/index.ts';

useEngineForTests();

const random = (): RandomStream => new RandomStream(1, 'init');

/** Every kind of field there is. */
class Zoo extends Module<[x: Tensor2D], Tensor2D> {
  readonly scale: Variable = parameter([1], { init: ones, random: null });
  first = new Linear<Tensor2D>({ inDim: 2, outDim: 2, random: random() });
  layers: Module<[x: Tensor2D], Tensor2D>[] = [
    new Linear<Tensor2D>({ inDim: 2, outDim: 3, bias: false, random: random() }),
    new LayerNorm<Tensor2D>({ dim: 3 }),
  ];
  readonly extras: Variable[] = [parameter([2], { init: zeros, random: null })];
  tied: Linear<Tensor2D> = this.first;
  absent: Linear<Tensor2D> | undefined;
  readonly config = { dim: 2 };
  readonly name = 'zoo';
  readonly #hidden = new LayerNorm({ dim: 5 });

  protected override forward(x: Tensor2D): Tensor2D {
    return this.layers.reduce((value, layer) => layer.call(value), mul(this.first.call(x), this.scale) as Tensor2D);
  }

  override dispose(): void {
    super.dispose();
    this.#hidden.dispose();
  }
}

describe('walking the fields', () => {
  test('finds variables, modules and arrays of both, by path and in order; private ones are not found', () => {
    using zoo = new Zoo();
    expect([...zoo.namedParameters().keys()]).toEqual([
      'scale',
      'first.weight',
      'first.bias',
      'layers.0.weight',
      'layers.1.weight',
      'layers.1.bias',
      'extras.0',
    ]);
    expect(zoo.numParameters).toBe(1 + 4 + 2 + 6 + 3 + 3 + 2);
    expect(zoo.parameters()).toEqual([...zoo.namedParameters().values()]);
  });

  test('a shared parameter is listed once, under its first path', () => {
    using zoo = new Zoo();
    expect(zoo.namedParameters().get('first.weight')).toBe(zoo.tied.weight);
    expect(new Set(zoo.parameters()).size).toBe(zoo.parameters().length);
  });

  test('modules by path, this one under the empty path', () => {
    using zoo = new Zoo();
    const modules = zoo.namedModules();
    expect([...modules.keys()]).toEqual(['', 'first', 'layers.0', 'layers.1', 'tied']);
    expect(modules.get('')).toBe(zoo);
    expect(modules.get('layers.1')).toBe(zoo.layers[1]);
  });

  test('a replaced child is found in its place', () => {
    using zoo = new Zoo();
    zoo.layers[1]!.dispose();
    zoo.layers[1] = new Linear<Tensor2D>({ inDim: 3, outDim: 1, random: random() });
    expect([...zoo.namedParameters().keys()]).toContain('layers.1.bias');
    expect(zoo.call(tensor2d([[1, 2]])).shape).toEqual([1, 1]);
  });
});

describe('memory', () => {
  test('dispose frees every parameter, once; twice does no harm', async () => {
    await expectNoLeak(() => {
      const zoo = new Zoo();
      zoo.dispose();
      zoo.dispose();
    });
    await expectNoLeak(() => {
      using zoo = new Zoo();
      expect(zoo.numParameters).toBe(21);
    });
  });

  test('a call frees what is made on the way, and borrows its input', () => {
    using zoo = new Zoo();
    const x = tensor2d([[1, 2]]);
    expectOwned(() => zoo.call(x));
    expectSameBits(x, [1, 2]);
  });

  test('a module that passes its input or a parameter on gives a handle of its own', () => {
    class Identity extends Module<[x: Tensor], Tensor> {
      protected override forward(x: Tensor): Tensor {
        return x;
      }
    }
    const x = tensor1d([1, 2]);
    const y = new Identity().call(x);
    y.dispose();
    expectSameBits(x, [1, 2]);
    expectOwned(() => new Identity().call(x));

    class Constant extends Module<[], Tensor> {
      readonly value: Variable = parameter([2], { init: ones, random: null });
      protected override forward(): Tensor {
        return this.value;
      }
    }
    using constant = new Constant();
    constant.call().dispose();
    expectSameBits(constant.value, [1, 1]);
    expectClose(valueAndGradients(() => sum(square(constant.call())), [constant.value]).gradients[0]!, [2, 2]);
  });

  test('a module may return several tensors', () => {
    class Two extends Module<[x: Tensor], { plus: Tensor; squares: Tensor[] }> {
      protected override forward(x: Tensor): { plus: Tensor; squares: Tensor[] } {
        return { plus: add(x, 1), squares: [square(x), square(square(x))] };
      }
    }
    const x = scalar(3);
    expectOwned(() => new Two().call(x));
    expectClose(new Two().call(x).squares[1]!, 81);
  });

  test('an error in forward leaves nothing', async () => {
    class Broken extends Module<[x: Tensor], Tensor> {
      protected override forward(x: Tensor): Tensor {
        relu(square(x));
        throw new Error('stop');
      }
    }
    const x = scalar(3);
    await expectNoLeak(() => expect(() => new Broken().call(x)).toThrow('stop'));
  });

  test('parameters survive a tidy, and hold one buffer each', () => {
    const before = counts();
    const weight = parameter([3], { init: ones, random: null });
    expect(counts()).toEqual({ tensors: before.tensors + 1, buffers: before.buffers + 1 });
    weight.dispose();
  });
});

test('gradients reach every parameter of a module; a tied one has the sum', () => {
  class Tied extends Module<[x: Tensor2D], Tensor2D> {
    first = new Linear<Tensor2D>({ inDim: 2, outDim: 2, bias: false, random: random() });
    second = this.first;
    protected override forward(x: Tensor2D): Tensor2D {
      return this.second.call(this.first.call(x));
    }
  }
  using model = new Tied();
  model.first.weight.assign(
    tensor2d([
      [2, 0],
      [0, 3],
    ]),
  );
  const { gradients } = valueAndGradients(() => sum(model.call(tensor2d([[1, 1]]))), model.parameters());
  expect(gradients).toHaveLength(1);
  // y = W W x with W = diag(2, 3): d sum(y) / dW = 1 (W x)ᵀ + Wᵀ 1 xᵀ
  expectClose(gradients[0]!, [2 + 2, 3 + 2, 2 + 3, 3 + 3]);
});

test('an embedding has its own shape', () => {
  using table = new Embedding({ vocabSize: 5, dim: 3, random: null });
  expect(table.call(tensor2d([[1, 4]], [1, 2], 'int32')).shape).toEqual([1, 2, 3]);
});

describe('what walking would miss is an error', () => {
  class Holder extends Module<[], void> {
    readonly part: unknown;
    constructor(part: unknown) {
      super();
      this.part = part;
    }
    protected override forward(): void {}
  }
  const layer = (): Linear<Tensor2D> => new Linear<Tensor2D>({ inDim: 2, outDim: 2, random: null });

  test.each<[string, (part: Linear<Tensor2D>) => unknown]>([
    ['a plain object', (part) => ({ part })],
    ['a Map', (part) => new Map([['part', part]])],
    ['an array in an array', (part) => [[part]]],
    ['a parameter in a plain object', (part) => ({ weight: part.weight })],
  ])('%s', (_, wrap) => {
    using part = layer();
    expect(() => new Holder(wrap(part)).namedParameters()).toThrow(/^part(\.0)? holds modules or parameters/);
  });

  test('a module that points back to its owner', () => {
    using inner = new Holder(undefined);
    const outer = new Holder([inner]);
    Object.assign(inner, { part: outer });
    expect(() => outer.namedParameters()).toThrow('part.0.part is a module that it belongs to itself');
    Object.assign(inner, { part: undefined });
  });

  test('plain values are nobody`s business', () => {
    expect(new Holder({ sizes: [1, 2], name: 'x', none: null }).namedParameters().size).toBe(0);
  });
});
