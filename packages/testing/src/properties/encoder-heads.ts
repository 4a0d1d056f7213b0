import { valueAndGradients, withDropout } from '@formers/backend';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectNoLeak, expectOwned } from '../leaks.ts';
import type { HeadSubject } from './encoder.ts';
import { train } from './train.ts';

/** What every head does: it learns, and comes back from disk. */
export function headProperties({ name, create, load, chance }: HeadSubject): void {
  describe(name, () => {
    test('owns its output', () => {
      const { model, predict, loss } = create({ seed: 1, dropout: 0 });
      using _ = model;
      expectOwned(predict);
      expectOwned(() => loss(1));
    });

    test.runIf(chance !== undefined)('starts at chance', () => {
      const { model, loss } = create({ seed: 1, dropout: 0 });
      using _ = model;
      expectClose(loss(1), chance!, { atol: 0.1, rtol: 0 });
    });

    test('passes a gradient to every parameter, but for biases of keys, which softmax does not see', () => {
      const { model, loss } = create({ seed: 1, dropout: 0, initStd: 0.3 });
      using _ = model;
      const { gradients } = valueAndGradients(() => loss(1), model.parameters());
      const names = [...model.namedParameters().keys()];
      gradients.forEach((gradient, i) => {
        if (!names[i]!.endsWith('key.bias'))
          expect(Math.hypot(...valuesOf(gradient)), names[i]).toBeGreaterThan(1e-7);
      });
    });

    test('drops nothing outside of training, something else in every step', () => {
      const [dropping, plain] = [0.3, 0].map((dropout) => create({ seed: 1, dropout, initStd: 0.3 }));
      using _ = dropping!.model;
      using __ = plain!.model;
      const expected = plain!.predict();
      dropping!.predict().forEach((one, i) => expectSameBits(one, expected[i]!));
      const at = (step: number): number => valuesOf(withDropout({ seed: 1, step }, () => dropping!.loss(1)))[0]!;
      expect(at(1)).toBe(at(1));
      expect(new Set([at(1), at(2), at(3), valuesOf(dropping!.loss(1))[0]]).size).toBe(4);
    });

    test.each([1, 2, 3, 4, 5])('learns one batch by heart: loss below 0.01 within 300 steps, seed %i', (seed) => {
      const { model, loss } = create({ seed, dropout: 0 });
      using _ = model;
      const options = { steps: 300, learningRate: 5e-3, until: (value: number) => value < 0.01 };
      const losses = train(model, () => loss(seed), options);
      expect(losses.at(-1)).toBeLessThan(0.01);
      expect(losses[0]).toBeGreaterThan(0.1);
    });

    test('comes back from disk: the same predictions (bits), config and files', async () => {
      const { model, predict } = create({ seed: 1, dropout: 0.25 });
      using _ = model;
      const [files, again] = [new Map<string, Uint8Array>(), new Map<string, Uint8Array>()];
      await model.savePretrained(files);
      const loaded = await load(files);
      using __ = loaded.model;
      expect(loaded.model.config).toEqual(model.config);
      const expected = predict();
      loaded.predict().forEach((one, i) => expectSameBits(one, expected[i]!));
      await loaded.model.savePretrained(again);
      expect(again).toEqual(files);
      await expectNoLeak(async () => (await load(files)).model.dispose());
    });
  });
}
