import { capture, layerNorm } from '@formers/backend';
import { dispose, ones, type Rank, slice, type Tensor, type Tensor2D, zerosLike } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectNoLeak } from '../leaks.ts';
import { randomIds } from '../random-tensor.ts';
import type { Decoder, DecoderSubject } from './decoder.ts';

const meanSquare = (tensor: Tensor): number =>
  valuesOf(tensor).reduce((sum, value) => sum + value ** 2, 0) / tensor.size;

/** A decoder before training, and its way to disk and back. */
export function startProperties<Model extends Decoder>({
  create,
  load,
  tokens,
  residualOutputs,
  norm = 'pre',
}: DecoderSubject<Model>): void {
  const idsOf = ({ config }: Decoder, rows = 4): Tensor2D =>
    randomIds<Tensor2D>([rows, 12], { bound: config.vocabSize });

  describe('at the start', () => {
    test.each([1, 2, 3])('the loss is ln(vocab) + s²/2, s² the variance of the logits, seed %i', (seed) => {
      using model = create({ seed });
      const ids = idsOf(model, 16);
      const targets = randomIds<Tensor2D>([16, 12], { bound: model.config.vocabSize, seed: 9 });
      const variance = meanSquare(model.call(ids));
      expect(
        Math.abs(valuesOf(model.loss(ids, { targets }))[0]! - (Math.log(model.config.vocabSize) + variance / 2)),
      ).toBeLessThan(0.05);
    });

    test('the variance of activations stays within a factor of 2 over 8 layers', () => {
      using model = create({ seed: 1, numLayers: 8 });
      const ids = idsOf(model);
      const { value, hiddenStates } = capture(() => model.call(ids), ['hiddenStates']);
      // Pre-norm, the last one is after the final norm; post-norm, the first one is before any.
      const residual = (norm === 'pre' ? hiddenStates.slice(0, -1) : hiddenStates.slice(1)).map(meanSquare);
      for (const size of residual) {
        expect(size / residual[0]!).toBeGreaterThan(0.5);
        expect(size / residual[0]!).toBeLessThan(2);
      }
      dispose([value, ...hiddenStates]);
    });

    test('with nothing added to the residual stream each layer passes it on, normalised if it is post-norm', () => {
      using model = create({ seed: 1 });
      for (const variable of residualOutputs(model)) variable.assign(zerosLike(variable));
      const ids = idsOf(model);
      const { value, hiddenStates } = capture(() => model.call(ids), ['hiddenStates']);
      hiddenStates.slice(1, -1).forEach((state, i) => {
        const before = hiddenStates[i]!;
        if (norm === 'pre') expectSameBits(state, before);
        else {
          const weight = ones<Rank.R1>([state.shape.at(-1)!]);
          expectClose(state, layerNorm(layerNorm(before, { weight }), { weight }), { atol: 1e-4 }); // after attention, and after the network
        }
      });
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

  describe('the vocabulary', () => {
    test.each([3, -5])(
      'grown by %i, the tokens that stay have the logits they had, and files keep it',
      async (more) => {
        using model = create({ seed: 1, initStd: 0.3 });
        const { vocabSize } = model.config;
        const ids = randomIds<Tensor2D>([4, 12], { bound: vocabSize - 5 }); // tokens that stay
        const before = model.call(ids);
        await expectNoLeak(() => {
          model.resizeVocabulary(vocabSize + more);
          model.resizeVocabulary(vocabSize);
          model.resizeVocabulary(vocabSize + more);
        });
        expect(model.config.vocabSize).toBe(vocabSize + more);
        expect(tokens(model).shape[0]).toBe(vocabSize + more);
        const after = model.call(ids);
        expect(after.shape).toEqual([4, 12, vocabSize + more]);
        const kept = Math.min(vocabSize, vocabSize + more);
        expectClose(slice(after, [0, 0, 0], [-1, -1, kept]), slice(before, [0, 0, 0], [-1, -1, kept]), { rtol: 1e-6 });
        const files = new Map<string, Uint8Array>();
        await model.savePretrained(files);
        using loaded = await load(files);
        expectSameBits(loaded.call(ids), after);
      },
    );
  });

  describe('save and load', () => {
    test('give the same logits (bits), config and files', async () => {
      using model = create({ seed: 1 });
      const ids = idsOf(model);
      const files = new Map<string, Uint8Array>();
      await model.savePretrained(files);
      using loaded = await load(files);
      expect(loaded.config).toEqual(model.config);
      expectSameBits(loaded.call(ids), model.call(ids));
      const again = new Map<string, Uint8Array>();
      await loaded.savePretrained(again);
      expect(new Map([...again].map(([name, bytes]) => [name, [...bytes]]))).toEqual(
        new Map([...files].map(([name, bytes]) => [name, [...bytes]])),
      );
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
