import { checkpoint, crossEntropy, valueAndGradients, withDropout } from '@formers/backend';
import { type AnyModule, Module } from '@formers/nn';
import { dispose, mul, type Scalar, slice, sub, type Tensor, tensor, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { counts } from '../engine.ts';
import { expectOwned } from '../leaks.ts';
import { type Encoder, type EncoderSubject, maskedWords } from './encoder.ts';
import { train } from './train.ts';

const numbersOf = (tensors: readonly Tensor[]): number[][] => tensors.map((one) => valuesOf(one));

/** The loss of a masked language model, its gradient, and what training makes of it. */
export function encoderLearningProperties<Model extends Encoder>({
  create,
  layers,
  attentions,
}: EncoderSubject<Model>): void {
  const make = (seed = 1): Model => create({ seed, initStd: 0.3 });

  describe('the loss', () => {
    test('is the mean cross-entropy of the masked words alone, by hand', () => {
      using model = make();
      const { ids, targets } = maskedWords(model);
      const logits = model.call(ids);
      const [, seq] = ids.shape;
      const losses = valuesOf(targets).flatMap((id, i) => {
        if (id === -100) return [];
        const row = valuesOf(slice(logits, [Math.floor(i / seq), i % seq, 0], [1, 1, -1]));
        return [Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[id]!];
      });
      expect(losses).toHaveLength(6);
      expectClose(model.loss(ids, { targets }), losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
    });

    test('without any masked word is 0, and so is its gradient', () => {
      using model = make();
      const { ids } = maskedWords(model);
      const none = tensor2d(new Array<number>(ids.size).fill(-100), ids.shape, 'int32');
      const { value, gradients } = valueAndGradients(() => model.loss(ids, { targets: none }), model.parameters());
      for (const numbers of numbersOf([value, ...gradients]))
        expect(numbers.every((number) => number === 0)).toBe(true);
    });

    test('owns its output', () => {
      using model = create({ seed: 1 });
      const { ids, targets } = maskedWords(model);
      expectOwned(() => model.call(ids));
      expectOwned(() => model.loss(ids, { targets }));
      expectOwned(() => valueAndGradients(() => model.loss(ids, { targets }), model.parameters()));
    });
  });

  describe('the gradient', () => {
    test('reaches every parameter, but for biases of keys, which softmax does not see', () => {
      using model = make();
      const { ids, targets } = maskedWords(model, { seq: model.config.contextLength });
      const unseen = new Set<Tensor>(attentions(model).flatMap(({ key }) => key.bias ?? []));
      const parameters = model.parameters();
      const names = [...model.namedParameters().keys()];
      const { gradients } = valueAndGradients(() => model.loss(ids, { targets }), parameters);
      gradients.forEach((gradient, i) => {
        const length = Math.hypot(...valuesOf(gradient));
        if (unseen.has(parameters[i]!)) expect(length, `${names[i]}`).toBeLessThan(1e-5);
        else expect(length, `${names[i]}`).toBeGreaterThan(1e-5);
      });
    });

    test.each([1, 2, 3])('tells how a small step changes the loss, seed %i', (seed) => {
      using model = create({ seed, initStd: 0.15 });
      const { ids, targets } = maskedWords(model, { seed });
      const parameters = model.parameters();
      const start = numbersOf(parameters);
      const { gradients } = valueAndGradients(() => model.loss(ids, { targets }), parameters);
      const squares = numbersOf(gradients)
        .flat()
        .reduce((sum, number) => sum + number ** 2, 0);
      const length = 0.02 / Math.sqrt(squares);
      const at = (step: number): number => {
        parameters.forEach((parameter, i) =>
          parameter.assign(sub(tensor(start[i]!, parameter.shape), mul(gradients[i]!, step * length))),
        );
        return crossEntropyInFloat64(valuesOf(model.call(ids)), valuesOf(targets));
      };
      const slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * length);
      expect(Math.abs(slope / -squares - 1)).toBeLessThan(2e-3);
    });

    test.each([0, 0.2])('has the same bits with gradient checkpointing, dropout %d', (dropout) => {
      const run = (wrap: boolean): number[][] => {
        using model = create({ seed: 1, initStd: 0.3, dropout });
        if (wrap) layers(model).forEach((layer, i, all) => (all[i] = new Checkpointed(layer)));
        const { ids, targets } = maskedWords(model);
        const { value, gradients } = withDropout({ seed: 3, step: 1 }, () =>
          valueAndGradients(() => model.loss(ids, { targets }), model.parameters()),
        );
        return numbersOf([value, ...gradients]);
      };
      expect(run(true)).toEqual(run(false));
    });

    test('of rows one by one, weighed by their masked words, is that of the batch', () => {
      using model = make();
      const { ids, targets } = maskedWords(model);
      const uneven = valuesOf(targets).map((id, i) => (i < 20 ? id : -100)); // the last row has fewer words
      const all = tensor2d(uneven, ids.shape, 'int32');
      const [rows] = ids.shape;
      const gradientOf = (from: number, count: number): { words: number; gradients: number[][] } => {
        const some = slice(all, [from, 0], [count, -1]);
        const { gradients } = valueAndGradients(
          () => model.loss(slice(ids, [from, 0], [count, -1]), { targets: some }),
          model.parameters(),
        );
        return { words: valuesOf(some).filter((id) => id !== -100).length, gradients: numbersOf(gradients) };
      };
      const whole = gradientOf(0, rows);
      const parts = Array.from({ length: rows }, (_, row) => gradientOf(row, 1));
      expect(new Set(parts.map(({ words }) => words)).size).toBeGreaterThan(1);
      whole.gradients.forEach((gradient, p) =>
        expectClose(
          gradient.map(
            (_, i) => parts.reduce((sum, { words, gradients }) => sum + words * gradients[p]![i]!, 0) / whole.words,
          ),
          gradient,
          { rtol: 1e-4, atol: 1e-5 },
        ),
      );
    });
  });

  describe('training', () => {
    test('twice from one seed: the same bits; from another seed others', () => {
      const run = (seed: number): number[][] => {
        using model = create({ seed, dropout: 0.1 });
        const data = maskedWords(model);
        const losses = train(model, (step) => withDropout({ seed, step }, () => model.loss(data.ids, data)), {
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
      const { ids, targets } = maskedWords(model);
      expectSameBits(model.call(ids), plain.call(ids));
      const at = (step: number): number =>
        valuesOf(withDropout({ seed: 1, step }, () => model.loss(ids, { targets })))[0]!;
      expect(at(1)).toBe(at(1));
      expect(new Set([at(1), at(2), at(3), valuesOf(model.loss(ids, { targets }))[0]]).size).toBe(4);
    });

    test('10 steps leave as many tensors as there were', () => {
      using model = create({ seed: 1, dropout: 0.1 });
      const data = maskedWords(model);
      const seen = new Set<number>();
      const loss = (step: number): Scalar => {
        seen.add(counts().tensors);
        return withDropout({ seed: 1, step }, () => model.loss(data.ids, data));
      };
      train(model, loss, { steps: 10, learningRate: 1e-3 });
      expect(seen.size).toBe(1);
    });

    test('what nothing tells cannot be learnt: on fresh random words the loss stays at chance', () => {
      using model = create({ seed: 1 });
      const chance = Math.log(model.config.vocabSize - 2); // the words that tests take: neither padding nor the mask
      const fresh = (step: number): Scalar => {
        const { ids, targets } = maskedWords(model, { seed: 1000 + step });
        const loss = model.loss(ids, { targets });
        dispose([ids, targets]);
        return loss;
      };
      train(model, fresh, { steps: 40, learningRate: 1e-2 });
      const losses = Array.from({ length: 15 }, (_, i) => valuesOf(fresh(5000 + i))[0]!);
      expect(losses.reduce((sum, loss) => sum + loss, 0) / 15).toBeGreaterThan(chance - 0.1);
    });
  });

  test('the loss is what crossEntropy makes of the logits, options included', () => {
    using model = make();
    const { ids, targets } = maskedWords(model);
    const options = { labelSmoothing: 0.1, reduction: 'sum' } as const;
    expectClose(model.loss(ids, { targets, ...options }), crossEntropy(model.call(ids), targets, options));
  });
}

/** A layer whose activations are computed again in the reverse pass. */
class Checkpointed extends Module<unknown[], Tensor> {
  layer: AnyModule;

  constructor(layer: AnyModule) {
    super();
    this.layer = layer;
  }

  protected override forward(...inputs: unknown[]): Tensor {
    return checkpoint(() => this.layer.call(...inputs) as Tensor, [inputs[0] as Tensor, ...this.layer.parameters()]);
  }
}

/** The mean cross-entropy of what counts, from the model's float32 logits on in float64, which a finite difference needs. */
function crossEntropyInFloat64(logits: number[], targets: number[]): number {
  const vocab = logits.length / targets.length;
  const losses = targets.flatMap((target, i) => {
    if (target === -100) return [];
    const row = logits.slice(i * vocab, (i + 1) * vocab);
    return [Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0)) - row[target]!];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
