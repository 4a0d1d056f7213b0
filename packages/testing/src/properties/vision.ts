import { valueAndGradients } from '@formers/backend';
import {
  concat,
  gather,
  mul,
  slice,
  sum,
  type Tensor,
  type Tensor3D,
  type Tensor4D,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectError } from '../leaks.ts';
import { randomTensor } from '../random-tensor.ts';
import {
  cutPatches,
  type ImageModel,
  type ImageModelSubject,
  imagesFor,
  lastHiddenStateOf,
  patchesOf,
  permutePatches,
} from './image-model.ts';

/** What the tokens of a Vision Transformer see: every patch, and where it is. */
export function visionProperties<Model extends ImageModel>({
  create,
  positions,
  numPrefixTokens = 1,
  interpolates = true,
}: ImageModelSubject<Model>): void {
  const make = (seed = 1): Model => create({ seed, initStd: 0.3 });
  /** An order of the patches that leaves none in its place. */
  const orderOf = (model: Model): number[] => {
    const count = patchesOf(model);
    return Array.from({ length: count }, (_, i) => (i + 2) % count);
  };
  /** The same for all tokens: those before the patches stay. */
  const tokensOf = (model: Model): number[] => [
    ...Array.from({ length: numPrefixTokens }, (_, i) => i),
    ...orderOf(model).map((patch) => numPrefixTokens + patch),
  ];
  const permuted = (model: Model, images: Tensor4D): Tensor4D =>
    permutePatches(images, { order: orderOf(model), patchSize: model.config.patchSize });
  const furthest = (left: Tensor, right: Tensor): number => {
    const others = valuesOf(right);
    return Math.max(...valuesOf(left).map((value, i) => Math.abs(value - others[i]!)));
  };

  describe('what is seen', () => {
    test('each token by each other: the gradient of every hidden state reaches every patch', () => {
      using model = make();
      const images = imagesFor(model, { batch: 1 });
      const count = patchesOf(model);
      for (let token = 0; token < numPrefixTokens + count; token++) {
        const { gradients } = valueAndGradients(() => {
          const hidden = lastHiddenStateOf(model, images);
          const output = randomTensor([1, 1, hidden.shape[2]]);
          const one = sum(mul(slice(hidden, [0, token, 0], [1, 1, -1]), output));
          hidden.dispose();
          return one;
        }, [images]);
        const patches = cutPatches(gradients[0] as Tensor4D, model.config.patchSize);
        for (let patch = 0; patch < count; patch++)
          expect(
            Math.hypot(...valuesOf(slice(patches, [0, patch, 0], [1, 1, -1]))),
            `output ${token}, patch ${patch}`,
          ).toBeGreaterThan(1e-8);
      }
    });

    test('every pixel: the gradient of each logit reaches it', () => {
      using model = make();
      const images = imagesFor(model, { batch: 1 });
      for (let label = 0; label < model.config.labels.length; label++) {
        const { gradients } = valueAndGradients(() => sum(slice(model.call(images), [0, label], [1, 1])), [images]);
        const smallest = Math.min(...valuesOf(gradients[0]!).map(Math.abs));
        expect(smallest, `logit ${label}`).toBeGreaterThan(1e-8);
      }
    });

    test('nothing of the other images: the gradient of a row with respect to them is exactly 0', () => {
      using model = make();
      const images = imagesFor(model);
      const { gradients } = valueAndGradients(() => sum(slice(model.call(images), [0, 0], [1, -1])), [images]);
      const others = valuesOf(slice(gradients[0] as Tensor4D, [1, 0, 0, 0], [1, -1, -1, -1]));
      expect(others.every((value) => value === 0)).toBe(true);
    });
  });

  describe('the order of patches', () => {
    test('without positions it is the order of the outputs, and the logits stay', () => {
      using model = make();
      positions(model).assign(zerosLike(positions(model)));
      const images = imagesFor(model);
      expectClose(model.call(permuted(model, images)), model.call(images), { rtol: 1e-5, atol: 1e-5 });
      const [before, after] = [lastHiddenStateOf(model, images), lastHiddenStateOf(model, permuted(model, images))];
      const tokens = tokensOf(model);
      expectClose(after, gather(before, tokens, 1), { rtol: 1e-5, atol: 1e-5 });
      expect(furthest(after, before)).toBeGreaterThan(0.1);
      before.dispose();
      after.dispose();
    });

    test('with positions it matters', () => {
      using model = make();
      const images = imagesFor(model);
      expect(furthest(model.call(permuted(model, images)), model.call(images))).toBeGreaterThan(0.01);
    });

    test('positions that move along leave the logits', () => {
      using model = make();
      const images = imagesFor(model);
      const before = model.call(images);
      const tokens = tokensOf(model);
      positions(model).assign(gather(positions(model) as Tensor as Tensor3D, tokens, 1));
      expectClose(model.call(permuted(model, images)), before, { rtol: 1e-5, atol: 1e-5 });
    });
  });

  test('a row alone is the row in a batch; the order of rows is the order of outputs', () => {
    using model = make();
    const images = imagesFor(model, { batch: 3 });
    const together = model.call(images);
    const rows = [0, 1, 2].map((row) => slice(images, [row, 0, 0, 0], [1, -1, -1, -1]));
    rows.forEach((row, i) => expectClose(model.call(row), slice(together, [i, 0], [1, -1]), { atol: 1e-5 }));
    expectClose(model.call(concat(rows.toReversed(), 0)), gather(together, [2, 1, 0]), { atol: 1e-5 });
  });

  describe.runIf(interpolates)('the size of images', () => {
    test('is the config`s, with interpolation allowed too: the same bits', () => {
      using model = make();
      const images = imagesFor(model);
      expectSameBits(model.call(images, { interpolatePositions: true }), model.call(images));
    });

    test('may be another one with interpolation alone; all positions then have a gradient', async () => {
      using model = make();
      const { imageSize, patchSize, numChannels, labels } = model.config;
      const [height, width] = [imageSize[0] + patchSize[0], imageSize[1] + 2 * patchSize[1]];
      const images = randomTensor<Tensor4D>([2, numChannels, height, width]);
      await expectError(() => model.call(images), { code: 'shape', message: `got [2, ${numChannels}, ${height}` });
      const table = positions(model);
      const { value, gradients } = valueAndGradients(() => {
        const logits = model.call(images, { interpolatePositions: true });
        expect(logits.shape).toEqual([2, labels.length]);
        return sum(mul(logits, randomTensor(logits.shape)));
      }, [table]);
      expect(valuesOf(value).every(Number.isFinite)).toBe(true);
      for (let token = 0; token < table.shape[1]!; token++)
        expect(
          Math.hypot(...valuesOf(slice(gradients[0] as Tensor3D, [0, token, 0], [1, 1, -1]))),
          `position ${token}`,
        ).toBeGreaterThan(1e-8);
    });
  });
}
