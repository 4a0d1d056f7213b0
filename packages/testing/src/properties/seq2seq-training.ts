import { valueAndGradients, withDropout } from '@formers/backend';
import { dispose, type Scalar, slice, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { counts } from '../engine.ts';
import { type EncoderDecoder, type EncoderDecoderSubject, sourceOf, targetOf, targetSeq } from './seq2seq.ts';
import { train } from './train.ts';

/** What training makes of an encoder-decoder. */
export function seq2seqTrainingProperties<Model extends EncoderDecoder>({
  create,
}: EncoderDecoderSubject<Model>): void {
  const batchOf = (model: Model, { seed = 0, rows = 2 } = {}): { ids: Tensor2D; targets: Tensor2D } => ({
    ids: sourceOf(model, { rows, seed }),
    targets: targetOf(model, { rows, seed: seed + 1 }),
  });

  test('the gradient of rows one by one, weighed by the tokens that count, is that of the batch', () => {
    using model = create({ seed: 1, initStd: 0.3 });
    const { ids, targets } = batchOf(model);
    const lengths = [targetSeq, 2];
    const uneven = valuesOf(targets).map((id, i) => (i % targetSeq < lengths[Math.floor(i / targetSeq)]! ? id : -100));
    const all = tensor2d(uneven, [2, targetSeq], 'int32');
    const gradientOf = (from: number, count: number): number[][] => {
      const rows = (x: Tensor2D): Tensor2D => slice(x, [from, 0], [count, -1]);
      const loss = (): Scalar => model.loss(rows(ids), { targets: rows(all) });
      return valueAndGradients(loss, model.parameters()).gradients.map((gradient) => valuesOf(gradient));
    };
    const parts = lengths.map((tokens, row) => ({ share: tokens / (targetSeq + 2), gradients: gradientOf(row, 1) }));
    gradientOf(0, 2).forEach((gradient, p) =>
      expectClose(
        gradient.map((_, i) => parts.reduce((total, { share, gradients }) => total + share * gradients[p]![i]!, 0)),
        gradient,
        { rtol: 1e-4, atol: 1e-5 },
      ),
    );
  });

  describe('training', () => {
    test('twice from one seed: the same bits; from another seed others', () => {
      const run = (seed: number): number[][] => {
        using model = create({ seed, dropout: 0.1 });
        const { ids, targets } = batchOf(model);
        const losses = train(model, (step) => withDropout({ seed, step }, () => model.loss(ids, { targets })), {
          steps: 3,
          learningRate: 1e-2,
        });
        return [losses, ...model.parameters().map((parameter) => valuesOf(parameter))];
      };
      const [first, second, other] = [run(1), run(1), run(2)];
      expect(first).toEqual(second);
      expect(first[0]).not.toEqual(other[0]);
    });

    test('dropout is off outside of its scope (bits), and differs between steps', () => {
      using model = create({ seed: 1, dropout: 0.3 });
      using plain = create({ seed: 1, dropout: 0 });
      const { ids, targets } = batchOf(model);
      expectSameBits(model.call(ids, { decoderIds: targets }), plain.call(ids, { decoderIds: targets }));
      const at = (step: number): number =>
        valuesOf(withDropout({ seed: 1, step }, () => model.loss(ids, { targets })))[0]!;
      expect(at(1)).toBe(at(1));
      expect(new Set([at(1), at(2), at(3)]).size).toBe(3);
    });

    test('20 steps leave as many tensors as there were', () => {
      using model = create({ seed: 1, dropout: 0.1 });
      const { ids, targets } = batchOf(model);
      const seen: number[] = [];
      const loss = (step: number): Scalar => {
        seen.push(counts().tensors);
        return withDropout({ seed: 1, step }, () => model.loss(ids, { targets }));
      };
      train(model, loss, { steps: 20, learningRate: 1e-3 });
      expect(new Set(seen).size).toBe(1);
    });

    test.each([1, 2, 3, 4, 5])('learns one batch by heart: loss below 0.01 within 300 steps, seed %i', (seed) => {
      using model = create({ seed });
      const { ids, targets } = batchOf(model, { seed });
      const losses = train(model, () => model.loss(ids, { targets }), {
        steps: 300,
        learningRate: 1e-2,
        until: (loss) => loss < 0.01,
      });
      expect(losses.at(-1)).toBeLessThan(0.01);
    });

    test('what follows nothing cannot be learnt: on fresh random tokens the loss stays at chance', () => {
      using model = create({ seed: 1 });
      const chance = Math.log(model.config.vocabSize - 4); // the first tokens never stand in a target
      const fresh = (step: number): Scalar => {
        const { ids, targets } = batchOf(model, { seed: 1000 + 2 * step, rows: 4 });
        const loss = model.loss(ids, { targets });
        dispose([ids, targets]);
        return loss;
      };
      train(model, fresh, { steps: 60, learningRate: 5e-3 });
      const losses = Array.from({ length: 20 }, (_, i) => valuesOf(fresh(5000 + i))[0]!);
      expect(losses.reduce((sum, loss) => sum + loss, 0) / 20).toBeGreaterThan(chance - 0.05);
    });
  });
}
