import { checkpoint, valueAndGradients, withDropout } from '@formers/backend';
import {
  add,
  fill,
  gather,
  mul,
  type Scalar,
  sub,
  type Tensor,
  tensor,
  tensor1d,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { counts } from '../engine.ts';
import { expectOwned } from '../leaks.ts';
import { type ImageModel, type ImageModelSubject, imagesFor, lossOf, tenImages } from './image-model.ts';
import { train } from './train.ts';

const numbersOf = (tensors: readonly Tensor[]): number[][] => tensors.map((one) => valuesOf(one));

/** The gradient of an image classifier, and what training makes of it. */
export function imageLearningProperties<Model extends ImageModel>({
  create,
  attentions,
  layers,
}: ImageModelSubject<Model>): void {
  test('owns its output', () => {
    using model = create({ seed: 1 });
    const data = tenImages(model);
    expectOwned(() => model.call(data.images));
    expectOwned(() => valueAndGradients(() => lossOf(model, data), model.parameters()));
  });

  describe('the loss', () => {
    test('labels -100 count neither in the mean nor in the gradient', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const { images, labels } = tenImages(model);
      const some = tensor1d(
        Int32Array.from(valuesOf(labels), (label, i) => (i % 3 === 0 ? label : -100)),
        'int32',
      );
      const kept = [0, 3, 6, 9];
      const fewer = { images: gather(images, kept), labels: gather(labels, kept) };
      const gradientsOf = (data: { images: Tensor4D; labels: Tensor1D }): Tensor[] => {
        const { value, gradients } = valueAndGradients(() => lossOf(model, data), model.parameters());
        return [value, ...gradients];
      };
      const expected = gradientsOf(fewer);
      gradientsOf({ images, labels: some }).forEach((found, i) =>
        expectClose(found, expected[i]!, { rtol: 1e-3, atol: 1e-5 }),
      );
      const none = gradientsOf({ images, labels: fill([10], -100, 'int32') as Tensor1D });
      for (const numbers of numbersOf(none)) expect(numbers.every((number) => number === 0)).toBe(true);
    });

    test('of two halves is its mean, and so is the gradient', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const { images, labels } = tenImages(model);
      const of = (rows: number[]): Tensor[] => {
        const data = { images: gather(images, rows), labels: gather(labels, rows) };
        const { value, gradients } = valueAndGradients(() => lossOf(model, data), model.parameters());
        return [value, ...gradients];
      };
      const [first, second, whole] = [of([0, 1, 2]), of([3, 4, 5, 6, 7, 8, 9]), of([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])];
      whole.forEach((expected, i) =>
        expectClose(add(mul(first[i]!, 0.3), mul(second[i]!, 0.7)), expected, { rtol: 1e-3, atol: 1e-5 }),
      );
    });
  });

  describe('the gradient', () => {
    test('with layers computed a second time in the backward pass is the same (bits)', () => {
      using model = create({ seed: 1, dropout: 0.1 });
      const data = tenImages(model);
      const gradientsOf = (): number[][] => {
        const run = (): Scalar => withDropout({ seed: 1, step: 1 }, () => lossOf(model, data));
        const { value, gradients } = valueAndGradients(run, model.parameters());
        return numbersOf([value, ...gradients]);
      };
      const plain = gradientsOf();
      for (const layer of layers(model)) {
        const call = layer.call.bind(layer) as (x: Tensor) => Tensor;
        const value = (x: Tensor): Tensor => checkpoint(() => call(x), [x, ...layer.parameters()]);
        Object.defineProperty(layer, 'call', { value, enumerable: false });
      }
      expect(gradientsOf()).toEqual(plain);
    });

    test('reaches every parameter, but for biases of keys, which softmax does not see', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const data = tenImages(model);
      const unseen = new Set<Tensor>((attentions?.(model) ?? []).flatMap(({ key }) => key.bias ?? []));
      const parameters = model.parameters();
      const { gradients } = valueAndGradients(() => lossOf(model, data), parameters);
      const names = [...model.namedParameters().keys()];
      gradients.forEach((gradient, i) => {
        const length = Math.hypot(...valuesOf(gradient));
        if (unseen.has(parameters[i]!)) expect(length, `${names[i]}`).toBeLessThan(1e-6);
        else expect(length, `${names[i]}`).toBeGreaterThan(1e-5);
      });
    });

    test.each([1, 2, 3])('tells how a small step changes the loss, seed %i', (seed) => {
      using model = create({ seed, initStd: 0.15 });
      const data = tenImages(model, seed);
      const parameters = model.parameters();
      const start = numbersOf(parameters);
      const { gradients } = valueAndGradients(() => lossOf(model, data), parameters);
      const squares = numbersOf(gradients)
        .flat()
        .reduce((sum, number) => sum + number ** 2, 0);
      const length = 0.02 / Math.sqrt(squares);
      const at = (step: number): number => {
        parameters.forEach((parameter, i) =>
          parameter.assign(sub(tensor(start[i]!, parameter.shape), mul(gradients[i]!, step * length))),
        );
        return lossInFloat64(valuesOf(model.call(data.images)), valuesOf(data.labels));
      };
      const slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * length);
      expect(Math.abs(slope / -squares - 1)).toBeLessThan(2e-3);
    });
  });

  describe('training', () => {
    test('twice from one seed: the same bits; from another seed others', () => {
      const run = (seed: number): number[][] => {
        using model = create({ seed, dropout: 0.1 });
        const data = tenImages(model);
        const losses = train(model, (step) => withDropout({ seed, step }, () => lossOf(model, data)), {
          steps: 3,
          learningRate: 1e-2,
        });
        return [losses, ...numbersOf(model.parameters())];
      };
      expect(run(1)).toEqual(run(1));
      expect(run(1)[0]).not.toEqual(run(2)[0]);
    });

    test('dropout is off outside of its scope (bits), and differs between steps', () => {
      using model = create({ seed: 1, dropout: 0.3 });
      using plain = create({ seed: 1, dropout: 0 });
      const images = imagesFor(model);
      expectSameBits(model.call(images), plain.call(images));
      const at = (step: number): string => valuesOf(withDropout({ seed: 1, step }, () => model.call(images))).join();
      expect(at(1)).toBe(at(1));
      expect(new Set([at(1), at(2), at(3), valuesOf(model.call(images)).join()]).size).toBe(4);
    });

    test('30 steps leave as many tensors as there were', () => {
      using model = create({ seed: 1, dropout: 0.1 });
      const data = tenImages(model);
      const seen = new Set<number>();
      const loss = (step: number): Scalar => {
        seen.add(counts().tensors);
        return withDropout({ seed: 1, step }, () => lossOf(model, data));
      };
      train(model, loss, { steps: 30, learningRate: 1e-3 });
      expect(seen.size).toBe(1);
    });

    test.each([1, 2, 3, 4, 5])('learns ten images by heart: loss below 0.01 within 200 steps, seed %i', (seed) => {
      using model = create({ seed });
      const data = tenImages(model, seed);
      const options = { steps: 200, learningRate: 1e-2, until: (loss: number) => loss < 0.01 };
      expect(train(model, () => lossOf(model, data), options).at(-1)).toBeLessThan(0.01);
    });
  });
}

/** The mean cross-entropy, from the model's float32 logits on in float64, which a finite difference needs. */
function lossInFloat64(logits: number[], labels: number[]): number {
  const classes = logits.length / labels.length;
  const losses = labels.map((label, i) => {
    const row = logits.slice(i * classes, (i + 1) * classes);
    return Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[label]!;
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
