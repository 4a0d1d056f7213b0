import { capture, valueAndGradients } from '@formers/backend';
import {
  add,
  dispose,
  mean,
  minimum,
  scalar,
  slice,
  square,
  type Tensor,
  type Tensor2D,
  type Tensor3D,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectError, expectNoLeak } from '../leaks.ts';
import { randomTensor } from '../random-tensor.ts';
import { type Encoder, type EncoderSubject, maskedWords, tokensFor } from './encoder.ts';

const meanSquare = (numbers: number[]): number =>
  numbers.reduce((total, value) => total + value ** 2, 0) / numbers.length;

/** An encoder before training, its norms, its tied embedding, and its way to disk and back. */
export function encoderStartProperties<Model extends Encoder>({
  create,
  load,
  tokens,
  outputBias,
  norms,
  residualOutputs,
}: EncoderSubject<Model>): void {
  const statesOf = (model: Model, ids: Tensor2D): Tensor3D[] => {
    const { value, hiddenStates } = capture(() => model.call(ids), ['hiddenStates']);
    value.dispose();
    return hiddenStates as Tensor3D[];
  };

  describe('at the start', () => {
    test.each([1, 2, 3])('the loss is ln(vocab) + s²/2, s² the variance of the logits, seed %i', (seed) => {
      using model = create({ seed });
      const { ids, targets } = maskedWords(model, { batch: 16, seq: 12 });
      const expected = Math.log(model.config.vocabSize) + meanSquare(valuesOf(model.call(ids))) / 2;
      expect(Math.abs(valuesOf(model.loss(ids, { targets }))[0]! - expected)).toBeLessThan(0.05);
    });

    test.each([0.02, 0.1])('matrices are normal with the standard deviation %d, biases 0, gains 1', (initStd) => {
      using model = create({ seed: 3, initStd });
      for (const [path, parameter] of model.namedParameters()) {
        const numbers = valuesOf(parameter);
        if (parameter.rank === 1) expect(new Set(numbers), path).toEqual(new Set([path.endsWith('weight') ? 1 : 0]));
        else {
          const drawn = numbers.filter((number) => number !== 0); // all but the vectors of padding
          expect(numbers.length - drawn.length, path).toBeLessThanOrEqual(parameter.shape[1]!);
          const error = 5 / Math.sqrt(2 * drawn.length); // five standard errors
          expect(Math.abs(Math.sqrt(meanSquare(drawn)) / initStd - 1), path).toBeLessThan(error);
          expect(
            Math.abs(drawn.reduce((total, value) => total + value, 0) / drawn.length) / initStd,
            path,
          ).toBeLessThan(5 / Math.sqrt(drawn.length));
        }
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

  describe('norms come after the sum with what went in', () => {
    test('so every hidden state has mean 0 and variance 1 at the start, 8 layers deep too', () => {
      using model = create({ seed: 1, numLayers: 8 });
      const states = statesOf(model, tokensFor(model));
      expect(states).toHaveLength(9);
      for (const state of states) {
        expectClose(mean(state, 2), zerosLike(mean(state, 2)), { atol: 1e-5 });
        for (const variance of valuesOf(mean(square(state), 2))) expect(Math.abs(variance - 1)).toBeLessThan(0.02);
      }
      dispose(states);
    });

    test('so with nothing added, a layer is its two norms, one after the other (bits)', () => {
      using model = create({ seed: 1 });
      for (const parameter of residualOutputs(model)) parameter.assign(zerosLike(parameter));
      norms(model).forEach((pair, layer) =>
        pair.forEach(({ weight, bias }, i) => {
          weight.assign(randomTensor(weight.shape, { seed: 2 * layer + i }));
          bias.assign(randomTensor(bias.shape, { seed: 100 + 2 * layer + i }));
        }),
      );
      const states = statesOf(model, tokensFor(model));
      norms(model).forEach(([first, second], i) => {
        const residual = zerosLike(states[i]!);
        const afterFirst = first.call(states[i]!, { residual });
        expectSameBits(states[i + 1]!, second.call(afterFirst, { residual }));
        expect(meanSquare(valuesOf(states[i + 1]!))).toBeGreaterThan(0.1);
      });
      dispose(states);
    });
  });

  describe('the tied embedding', () => {
    test('is one parameter, and moves the logits both ways', () => {
      using tied = create({ seed: 1, tieEmbeddings: true });
      using untied = create({ seed: 1, tieEmbeddings: false });
      expect(untied.numParameters - tied.numParameters).toBeGreaterThanOrEqual(tokens(tied).size);
      expectSameBits(tokens(tied), tokens(untied));
    });

    test('has the sum of the gradients of both its uses', () => {
      using tied = create({ seed: 1, initStd: 0.3, tieEmbeddings: true });
      using untied = create({ seed: 1, initStd: 0.3, tieEmbeddings: false });
      const own = [...untied.namedParameters()].filter(([path]) => !tied.namedParameters().has(path));
      const projection = own.find(([, { shape }]) => shape.join() === tokens(tied).shape.join())![1];
      projection.assign(tokens(untied));
      for (const [path, parameter] of tied.namedParameters()) untied.namedParameters().get(path)!.assign(parameter);
      const { ids, targets } = maskedWords(tied);
      const gradientsOf = (model: Model, of: Tensor[]): Tensor[] =>
        valueAndGradients(() => model.loss(ids, { targets }), of).gradients;
      const [whole] = gradientsOf(tied, [tokens(tied)]);
      const [looked, projected] = gradientsOf(untied, [tokens(untied), projection]) as [Tensor, Tensor];
      expectClose(whole!, add(looked, projected), { rtol: 1e-4, atol: 1e-6 });
      expect(Math.min(meanSquare(valuesOf(looked)), meanSquare(valuesOf(projected)))).toBeGreaterThan(1e-8);
    });

    test.each([true, false])('tied %s: saved once, and still so after loading', async (tieEmbeddings) => {
      using model = create({ seed: 1, tieEmbeddings });
      const files = new Map<string, Uint8Array>();
      await model.savePretrained(files);
      using loaded = await load(files);
      expect([...loaded.namedParameters().keys()]).toEqual([...model.namedParameters().keys()]);
      const ids = tokensFor(model);
      expectSameBits(loaded.call(ids), model.call(ids));
    });
  });

  describe('another number of tokens', () => {
    test.each([
      [7, true],
      [7, false],
      [-5, true],
    ])(
      '%i more, tied %s: tokens keep their rows (bits) and logits, new ones are the mean',
      async (more, tieEmbeddings) => {
        using model = create({ seed: 1, tieEmbeddings });
        const { vocabSize } = model.config;
        const kept = Math.min(vocabSize, vocabSize + more);
        const ids = tokensFor(model);
        const known = minimum(ids, scalar(kept - 1, 'int32')) as Tensor2D;
        outputBias(model).assign(randomTensor([vocabSize]));
        const others = [...model.namedParameters()].filter(([, { shape }]) => !shape.includes(vocabSize));
        const before = {
          rows: valuesOf(slice(tokens(model) as Tensor as Tensor2D, [0, 0], [kept, -1])),
          average: valuesOf(mean(tokens(model), 0)),
          bias: valuesOf(outputBias(model)),
          logits: slice(model.call(known), [0, 0, 0], [-1, -1, kept]),
        };
        model.resizeVocabulary(vocabSize + more);
        expect(model.config.vocabSize).toBe(vocabSize + more);
        const table = tokens(model) as Tensor as Tensor2D;
        expect(table.shape[0]).toBe(vocabSize + more);
        expectSameBits(slice(table, [0, 0], [kept, -1]), before.rows);
        expectSameBits(valuesOf(outputBias(model)).slice(0, kept), before.bias.slice(0, kept));
        for (let row = kept; row < vocabSize + more; row++)
          expectClose(valuesOf(slice(table, [row, 0], [1, -1])), before.average, { atol: 1e-6 });
        for (const [path, parameter] of others) expect(model.namedParameters().get(path)).toBe(parameter);
        expectClose(slice(model.call(known), [0, 0, 0], [-1, -1, kept]), before.logits, { atol: 1e-5 });

        const files = new Map<string, Uint8Array>();
        await model.savePretrained(files);
        using loaded = await load(files);
        expect(loaded.config).toEqual(model.config);
        expectSameBits(loaded.call(known), model.call(known));
      },
    );

    test('of the same size nothing changes; of none it is refused', async () => {
      using model = create({ seed: 1 });
      const before = model.parameters();
      model.resizeVocabulary(model.config.vocabSize);
      expect(model.parameters()).toEqual(before);
      for (const size of [0, -1, 1.5, NaN])
        await expectError(() => model.resizeVocabulary(size), { code: 'config', message: `got ${size}` });
    });
  });

  test('the output bias is added to every logit of its token', () => {
    using model = create({ seed: 1 });
    const ids = tokensFor(model);
    const before = model.call(ids);
    const added = randomTensor([model.config.vocabSize], { seed: 4 });
    const bias = outputBias(model);
    bias.assign(add(bias, added));
    expectClose(model.call(ids), add(before, added), { rtol: 1e-5, atol: 1e-5 });
  });

  describe('save and load', () => {
    test('give the same logits (bits), config and files', async () => {
      using model = create({ seed: 1 });
      const ids = tokensFor(model);
      const [files, again] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()];
      await model.savePretrained(files);
      using loaded = await load(files);
      expect(loaded.config).toEqual(model.config);
      expectSameBits(loaded.call(ids), model.call(ids));
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
