import { capture, valueAndGradients, withDropout } from '@formers/backend';
import type { AnyModule, PretrainedModel } from '@formers/nn';
import { dispose, mul, type Scalar, slice, sub, sum, type Tensor, tensor, type Tensor4D } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { useEngineForTests } from '../engine.ts';
import { expectNoLeak, expectOwned } from '../leaks.ts';
import { randomTensor } from '../random-tensor.ts';
import { cutPatches } from './image-model.ts';
import { train } from './train.ts';

/** A model that learns to paint the patches of images that it isn't shown. */
export type ImageFiller = PretrainedModel<
  never,
  unknown,
  {
    imageSize: readonly [height: number, width: number];
    patchSize: readonly [height: number, width: number];
    numChannels: number;
  }
>;

/** What {@link imageFillerProperties} has to know of an architecture. */
export interface ImageFillerSubject<Model extends ImageFiller = ImageFiller> {
  readonly name: string;
  /** A model of milliseconds, with at least 2 layers, whose patches fill the image. */
  readonly create: (options: { seed: number; dropout?: number; initStd?: number }) => Model;
  readonly load: (files: Map<string, Uint8Array>) => Promise<Model>;
  readonly layers: (model: Model) => readonly AnyModule[];
  /** [batch, patches], 1 = hidden: some patches of each image, by the same rule in every call. */
  readonly hidden: (model: Model, images: Tensor4D) => Tensor;
  /** What the model paints: [batch, channels, height, width]. */
  readonly paint: (model: Model, images: Tensor4D) => Tensor4D;
  readonly loss: (model: Model, images: Tensor4D) => Scalar;
}

const numbersOf = (tensors: readonly Tensor[]): number[][] => tensors.map((one) => valuesOf(one));

/** Registers the properties that every model has that fills in hidden patches, as tests of the calling file. To be called once in a file, at its top level. */
export function imageFillerProperties<Model extends ImageFiller>({
  name,
  create,
  load,
  layers,
  hidden,
  paint,
  loss,
}: ImageFillerSubject<Model>): void {
  useEngineForTests();
  const imagesFor = ({ config }: Model, batch = 3): Tensor4D =>
    randomTensor<Tensor4D>([batch, config.numChannels, ...config.imageSize]);
  const trained = (model: Model): ReturnType<Model['parameters']> =>
    model.parameters().filter(({ trainable }) => trainable) as ReturnType<Model['parameters']>;
  /** For each number of patches [batch, patches, pixels], whether its patch is hidden. */
  const isHidden = (model: Model, images: Tensor4D): boolean[] => {
    const pixels = model.config.numChannels * model.config.patchSize[0] * model.config.patchSize[1];
    return valuesOf(hidden(model, images)).flatMap((value) => new Array<boolean>(pixels).fill(value === 1));
  };

  describe(`${name}: every model that fills in patches`, () => {
    test('hides some patches of each image, and not all', () => {
      using model = create({ seed: 1 });
      const mask = valuesOf(hidden(model, imagesFor(model)));
      expect(new Set(mask)).toEqual(new Set([0, 1]));
    });

    test('what is painted sees nothing of hidden pixels (gradient exactly 0), and every pixel that is shown', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const images = imagesFor(model);
      const weights = randomTensor(images.shape, { seed: 3 });
      const { gradients } = valueAndGradients(() => sum(mul(paint(model, images), weights)), [images]);
      const found = valuesOf(cutPatches(gradients[0] as Tensor4D, model.config.patchSize));
      const isOne = isHidden(model, images);
      expect(found.filter((value, i) => isOne[i] && value !== 0)).toEqual([]);
      expect(found.filter((value, i) => !isOne[i] && Math.abs(value) <= 1e-8)).toEqual([]);
    });

    test('the loss asks for every hidden pixel', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const images = imagesFor(model);
      const { gradients } = valueAndGradients(() => loss(model, images), [images]);
      const found = valuesOf(cutPatches(gradients[0] as Tensor4D, model.config.patchSize));
      const isOne = isHidden(model, images);
      expect(found.filter((value, i) => isOne[i] && Math.abs(value) <= 1e-8)).toEqual([]); // it is no input, but a target
    });

    test('the gradient reaches every trained parameter, but for biases of keys', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const images = imagesFor(model);
      const parameters = trained(model);
      const { gradients } = valueAndGradients(() => loss(model, images), parameters);
      const paths = new Map([...model.namedParameters()].map(([path, parameter]) => [parameter, path]));
      gradients.forEach((gradient, i) => {
        const path = paths.get(parameters[i]!)!;
        const length = Math.hypot(...valuesOf(gradient));
        if (path.endsWith('key.bias')) expect(length, path).toBeLessThan(1e-5);
        else expect(length, path).toBeGreaterThan(1e-6);
      });
    });

    test('the gradient tells how a small step changes the loss', () => {
      using model = create({ seed: 2, initStd: 0.15 });
      const images = imagesFor(model);
      const parameters = trained(model);
      const start = numbersOf(parameters);
      const { gradients } = valueAndGradients(() => loss(model, images), parameters);
      const squares = numbersOf(gradients)
        .flat()
        .reduce((total, number) => total + number ** 2, 0);
      const length = 0.01 / Math.sqrt(squares);
      const at = (step: number): number => {
        parameters.forEach((parameter, i) =>
          parameter.assign(sub(tensor(start[i]!, parameter.shape), mul(gradients[i]!, step * length))),
        );
        return valuesOf(loss(model, images))[0]!;
      };
      const slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * length);
      expect(Math.abs(slope / -squares - 1)).toBeLessThan(0.02); // the loss is float32 here
    });

    test('reports the embeddings and each layer', () => {
      using model = create({ seed: 1 });
      const { value, hiddenStates, attentions } = capture(() => paint(model, imagesFor(model)));
      expect(hiddenStates.length).toBeGreaterThanOrEqual(layers(model).length + 1);
      expect(attentions.length).toBeGreaterThanOrEqual(layers(model).length);
      dispose([value, ...hiddenStates, ...attentions]);
    });

    test('owns its output; making, saving and loading leak nothing', async () => {
      using model = create({ seed: 1 });
      const images = imagesFor(model);
      expectOwned(() => loss(model, images));
      await expectNoLeak(async () => {
        const files = new Map<string, Uint8Array>();
        await model.savePretrained(files);
        (await load(files)).dispose();
      });
    });

    test('saving and loading give the same image (bits), config and files', async () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const images = imagesFor(model);
      const [files, again] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()];
      await model.savePretrained(files);
      using loaded = await load(files);
      expect(loaded.config).toEqual(model.config);
      expectSameBits(paint(loaded, images), paint(model, images));
      await loaded.savePretrained(again);
      expect(again).toEqual(files);
    });

    test('training twice from one seed: the same bits; dropout is off outside of its scope', () => {
      const run = (seed: number): number[][] => {
        using model = create({ seed, dropout: 0.1 });
        const images = imagesFor(model);
        const losses = train(model, (step) => withDropout({ seed, step }, () => loss(model, images)), {
          steps: 3,
          learningRate: 1e-2,
        });
        return [losses, ...numbersOf(model.parameters())];
      };
      expect(run(1)).toEqual(run(1));
      expect(run(1)[0]).not.toEqual(run(2)[0]);
      using dropping = create({ seed: 1, dropout: 0.3 });
      using plain = create({ seed: 1 });
      const images = imagesFor(plain);
      expectSameBits(paint(dropping, images), paint(plain, images));
    });

    test.each([1, 2, 3])('learns three images by heart: the loss falls below a twentieth, seed %i', (seed) => {
      using model = create({ seed });
      const images = imagesFor(model);
      const first = valuesOf(loss(model, images))[0]!;
      const losses = train(model, () => loss(model, images), {
        steps: 400,
        learningRate: 1e-2,
        until: (value) => value < first / 20,
      });
      expect(losses.at(-1)).toBeLessThan(first / 20);
    });

    test('a row alone is painted as in a batch', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const images = imagesFor(model);
      const whole = paint(model, images);
      // The first row has the same hidden patches in a batch of its own.
      const first = (x: Tensor4D): Tensor4D => slice(x, [0, 0, 0, 0], [1, -1, -1, -1]);
      expectClose(paint(model, first(images)), first(whole), { rtol: 1e-4, atol: 1e-5 });
    });
  });
}
