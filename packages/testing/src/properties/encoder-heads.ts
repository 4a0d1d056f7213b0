import { valueAndGradients, withDropout } from '@formers/backend';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectOwned } from '../leaks.ts';
import type { HeadSubject } from './encoder.ts';
import { train } from './train.ts';

/** What every head does: it learns, and comes back from disk. */
export function headProperties({ name, create, load, chance, unseen = /key\.bias$/ }: HeadSubject): void {
  describe(`the head ${name}`, () => {
    test('owns its output', () => {
      const { model, predict, loss } = create({ seed: 1, dropout: 0 });
      using _ = model;
      expectOwned(predict);
      expectOwned(loss);
    });

    test.runIf(chance !== undefined)('starts at chance', () => {
      const { model, loss } = create({ seed: 1, dropout: 0 });
      using _ = model;
      expectClose(loss(), chance!, { atol: 0.1, rtol: 0 });
    });

    test('passes a gradient to every parameter that can change the loss, and none to others', () => {
      const { model, loss } = create({ seed: 1, dropout: 0, initStd: 0.3 });
      using _ = model;
      const { gradients } = valueAndGradients(loss, model.parameters());
      const names = [...model.namedParameters().keys()];
      gradients.forEach((gradient, i) => {
        const length = Math.hypot(...valuesOf(gradient));
        if (unseen.test(names[i]!)) expect(length, names[i]).toBeLessThan(1e-5);
        else expect(length, names[i]).toBeGreaterThan(1e-5);
      });
    });

    test('drops nothing outside of training, something else in every step', () => {
      const [dropping, plain] = [0.3, 0].map((dropout) => create({ seed: 1, dropout, initStd: 0.3 }));
      using _ = dropping!.model;
      using plainModel = plain!.model;
      expect(plainModel.numParameters).toBe(dropping!.model.numParameters);
      const expected = plain!.predict();
      dropping!.predict().forEach((one, i) => expectSameBits(one, expected[i]!));
      const at = (step: number): number => valuesOf(withDropout({ seed: 1, step }, () => dropping!.loss()))[0]!;
      expect(at(1)).toBe(at(1));
      expect(new Set([at(1), at(2), at(3), valuesOf(dropping!.loss())[0]]).size).toBe(4);
    });

    test.each([1, 2, 3, 4, 5])('learns one batch by heart: loss below 0.01 within 300 steps, seed %i', (seed) => {
      const { model, loss } = create({ seed, dropout: 0 });
      using _ = model;
      const options = { steps: 300, learningRate: 2e-2, until: (value: number) => value < 0.01 };
      const losses = train(model, loss, options);
      expect(losses.at(-1)).toBeLessThan(0.01);
      expect(losses[0]).toBeGreaterThan(0.1);
    });

    test('comes back from disk: the same predictions (bits), config and files', async () => {
      const { model, predict } = create({ seed: 1, dropout: 0.25 });
      using _ = model;
      const [files, again] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()];
      await model.savePretrained(files);
      const loaded = await load(files);
      using loadedModel = loaded.model;
      expect(loadedModel.config).toEqual(model.config);
      const expected = predict();
      loaded.predict().forEach((one, i) => expectSameBits(one, expected[i]!));
      await loadedModel.savePretrained(again);
      expect(again).toEqual(files);
    });
  });
}
