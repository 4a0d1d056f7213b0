import { capture } from '@formers/backend';
import { dispose, type Tensor, zerosLike } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectSameBits, valuesOf } from '../close.ts';
import { expectNoLeak } from '../leaks.ts';
import { type ImageModel, type ImageModelSubject, imagesFor, lossOf, tenImages } from './image-model.ts';

const meanSquare = (tensor: Tensor): number =>
  valuesOf(tensor).reduce((sum, value) => sum + value ** 2, 0) / tensor.size;

/** An image classifier before training, and its way to disk and back. */
export function imageStartProperties<Model extends ImageModel>({
  create,
  load,
  layers,
  residualOutputs,
}: ImageModelSubject<Model>): void {
  describe('at the start', () => {
    test.each([1, 2, 3])('the loss is ln(classes) + s²/2, s² the variance of the logits, seed %i', (seed) => {
      using model = create({ seed });
      const data = tenImages(model);
      const expected = Math.log(model.config.labels.length) + meanSquare(model.call(data.images)) / 2;
      expect(Math.abs(valuesOf(lossOf(model, data))[0]! - expected)).toBeLessThan(0.05);
    });

    test('the variance of activations stays within a factor of 2 over 8 layers', () => {
      using model = create({ seed: 1, numLayers: 8 });
      const { value, hiddenStates } = capture(() => model.call(imagesFor(model)), ['hiddenStates']);
      expect(hiddenStates).toHaveLength(9);
      for (const size of hiddenStates.map(meanSquare)) {
        expect(size / meanSquare(hiddenStates[0]!)).toBeGreaterThan(0.5);
        expect(size / meanSquare(hiddenStates[0]!)).toBeLessThan(2);
      }
      dispose([value, ...hiddenStates]);
    });

    test('with nothing added to the residual stream each layer is the identity (bits)', () => {
      using model = create({ seed: 1 });
      for (const variable of residualOutputs(model)) variable.assign(zerosLike(variable));
      const { value, hiddenStates } = capture(() => model.call(imagesFor(model)), ['hiddenStates']);
      expect(hiddenStates).toHaveLength(layers(model).length + 1);
      for (const state of hiddenStates.slice(1)) expectSameBits(state, hiddenStates[0]!);
      dispose([value, ...hiddenStates]);
    });

    test('a seed fixes the weights', () => {
      const weights = (seed: number): number[][] => {
        using model = create({ seed });
        return model.parameters().map((parameter) => valuesOf(parameter));
      };
      expect(weights(1)).toEqual(weights(1));
      expect(weights(1)).not.toEqual(weights(2));
    });

    test('making and disposing leaks nothing', async () => {
      await expectNoLeak(() => {
        using model = create({ seed: 1 });
        expect(model.numParameters).toBeGreaterThan(0);
      });
    });
  });

  describe('save and load', () => {
    test('give the same logits (bits), config and files', async () => {
      using model = create({ seed: 1 });
      const images = imagesFor(model);
      const [files, again] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()];
      await model.savePretrained(files);
      using loaded = await load(files);
      expect(loaded.config).toEqual(model.config);
      expectSameBits(loaded.call(images), model.call(images));
      await loaded.savePretrained(again);
      expect(again).toEqual(files);
    });

    test('leak nothing', async () => {
      using model = create({ seed: 1 });
      await expectNoLeak(async () => {
        const files = new Map<string, Uint8Array>();
        await model.savePretrained(files);
        (await load(files)).dispose();
      });
    });
  });
}
