import { capture, layerNorm } from '@formers/backend';
import { dispose, mod, ones, scalar, slice, type Tensor, type Tensor2D, zerosLike } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectNoLeak } from '../leaks.ts';
import {
  type EncoderDecoder,
  type EncoderDecoderSubject,
  logProbabilities,
  shiftedOf,
  sourceOf,
  targetOf,
} from './seq2seq.ts';

const meanSquare = (tensor: Tensor): number =>
  valuesOf(tensor).reduce((sum, value) => sum + value ** 2, 0) / tensor.size;
const meanOf = (numbers: number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** An encoder-decoder before training, its vocabulary, and its way to disk and back. */
export function seq2seqStartProperties<Model extends EncoderDecoder>({
  create,
  load,
  residualOutputs,
  encoderTokens,
  norm,
}: EncoderDecoderSubject<Model>): void {
  /** The hidden states of encoder and decoder, each from the embeddings on. */
  const statesOf = (model: Model): [encoder: Tensor[], decoder: Tensor[]] => {
    const { value, hiddenStates, encoderHiddenStates } = capture(
      () => model.call(sourceOf(model), { decoderIds: targetOf(model) }),
      ['hiddenStates', 'encoderHiddenStates'],
    );
    value.dispose();
    return [encoderHiddenStates, hiddenStates];
  };

  describe('at the start', () => {
    test.each([1, 2, 3])('the loss is that of a guess: the model knows nothing of the targets, seed %i', (seed) => {
      using model = create({ seed });
      const [ids, targets] = [sourceOf(model, { rows: 16 }), targetOf(model, { rows: 16, seed: 9 })];
      const rows = logProbabilities(model, ids, shiftedOf(model, targets));
      const guess = meanOf(rows.map((row) => -meanOf(row.slice(4)))); // of any target token
      const spread = Math.sqrt(meanOf(rows.map((row) => meanOf(row.map((one) => (one - meanOf(row)) ** 2)))));
      const loss = valuesOf(model.loss(ids, { targets }))[0]!;
      expect(Math.abs(loss - guess)).toBeLessThan(0.02 + (4 * spread) / Math.sqrt(rows.length)); // four sigma
    });

    test('activations keep their size over 6 layers: none is three times its neighbour', () => {
      using model = create({ seed: 1, numLayers: 6 });
      for (const states of statesOf(model)) {
        expect(states).toHaveLength(7);
        const residual = states.slice(1, -1).map(meanSquare); // the last one may be after a norm
        residual.slice(1).forEach((size, i) => {
          expect(size / residual[i]!).toBeGreaterThan(1 / 3);
          expect(size / residual[i]!).toBeLessThan(3);
        });
        dispose(states);
      }
    });

    test('with nothing added to the residual stream each layer passes it on, normalised if it is post-norm', () => {
      using model = create({ seed: 1 });
      for (const variable of residualOutputs(model)) variable.assign(zerosLike(variable));
      for (const states of statesOf(model)) {
        states.slice(1, -1).forEach((state, i) => {
          if (norm === 'pre') expectSameBits(state, states[i]!);
          else expectClose(state, layerNorm(states[i]!, { weight: ones([state.shape.at(-1)!]) }), { atol: 1e-4 });
        });
        dispose(states);
      }
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
    test.each([3, -5])('grown by %i, the tokens that stay have the logits they had', async (more) => {
      using model = create({ seed: 1, initStd: 0.3 });
      const { vocabSize } = model.config;
      const few = (x: Tensor2D): Tensor2D => mod(x, scalar(40, 'int32')); // tokens that stay
      const [ids, decoderIds] = [few(sourceOf(model)), few(targetOf(model))];
      const before = model.call(ids, { decoderIds });
      await expectNoLeak(() => {
        model.resizeVocabulary(vocabSize + more);
        model.resizeVocabulary(vocabSize);
        model.resizeVocabulary(vocabSize + more);
      });
      expect(model.config.vocabSize).toBe(vocabSize + more);
      expect(encoderTokens(model).shape[0]).toBe(vocabSize + more);
      const after = model.call(ids, { decoderIds });
      expect(after.shape[2]).toBe(vocabSize + more);
      const kept = Math.min(vocabSize, vocabSize + more);
      expectClose(slice(after, [0, 0, 0], [-1, -1, kept]), slice(before, [0, 0, 0], [-1, -1, kept]), { rtol: 1e-6 });
      const files = new Map<string, Uint8Array>();
      await model.savePretrained(files);
      using loaded = await load(files);
      expectSameBits(loaded.call(ids, { decoderIds }), after);
    });
  });

  describe('save and load', () => {
    test('give the same logits (bits), config and files', async () => {
      using model = create({ seed: 1 });
      const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
      const files = new Map<string, Uint8Array>();
      await model.savePretrained(files);
      using loaded = await load(files);
      expect(loaded.config).toEqual(model.config);
      expectSameBits(loaded.call(ids, { decoderIds }), model.call(ids, { decoderIds }));
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
