import { checkpoint, crossEntropy, valueAndGradients, withDropout } from '@formers/backend';
import { type AnyModule, Module } from '@formers/nn';
import {
  concat,
  dispose,
  mul,
  range,
  reshape,
  type Scalar,
  slice,
  sub,
  type Tensor,
  tensor,
  type Tensor2D,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { counts } from '../engine.ts';
import { expectOwned } from '../leaks.ts';
import { randomIds } from '../random-tensor.ts';
import type { Decoder, DecoderSubject } from './decoder.ts';
import { train } from './train.ts';

const [batch, seq] = [3, 8];

/** A batch of random tokens and what follows each of them. No two rows begin alike: nothing about what follows is left to chance. */
function batchOf({ config }: Decoder, seed = 0): { ids: Tensor2D; targets: Tensor2D } {
  return tidy(() => {
    const rest = randomIds<Tensor2D>([batch, seq], { bound: config.vocabSize, seed });
    const text = concat([reshape(range(0, batch, 1, 'int32'), [batch, 1]), rest], 1) as Tensor2D;
    return { ids: slice(text, [0, 0], [-1, seq]), targets: slice(text, [0, 1], [-1, seq]) };
  });
}

const numbersOf = (tensors: readonly Tensor[]): number[][] => tensors.map((tensor) => valuesOf(tensor));

/** The loss of a decoder, its gradient, and what training makes of it. */
export function learningProperties<Model extends Decoder>({ create, layers }: DecoderSubject<Model>): void {
  describe('the loss', () => {
    test('is the mean cross-entropy of each token`s logits against its target', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const { ids, targets } = batchOf(model);
      expectClose(model.loss(ids, { targets }), crossEntropy(model.call(ids), targets));
    });

    test('labels -100 count neither in the mean nor in the gradient', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const { ids, targets } = batchOf(model);
      const chosen = valuesOf(targets).map((id, i) => (i % 3 === 0 ? id : -100));
      const some = tensor2d(chosen, [batch, seq], 'int32');
      const logits = model.call(ids);
      let total = 0;
      chosen.forEach((id, i) => {
        if (id === -100) return;
        const row = valuesOf(slice(logits, [Math.floor(i / seq), i % seq, 0], [1, 1, -1]));
        const highest = Math.max(...row);
        total += highest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) - row[id]!;
      });
      expectClose(model.loss(ids, { targets: some }), total / chosen.filter((id) => id !== -100).length);

      const none = tensor2d(new Array<number>(batch * seq).fill(-100), [batch, seq], 'int32');
      const { value, gradients } = valueAndGradients(() => model.loss(ids, { targets: none }), model.parameters());
      for (const numbers of numbersOf([value, ...gradients]))
        expect(numbers.every((number) => number === 0)).toBe(true);
    });

    test('what counts at one place is its own target alone', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const { ids } = batchOf(model);
      const only = (place: number, id: number): Scalar =>
        model.loss(ids, {
          targets: tensor2d(
            Array.from({ length: batch * seq }, (_, i) => (i === place ? id : -100)),
            [batch, seq],
            'int32',
          ),
        });
      const logits = valuesOf(slice(model.call(ids), [1, 4, 0], [1, 1, -1]));
      const [place, a, b] = [seq + 4, 3, 17];
      expectClose(sub(only(place, a), only(place, b)), logits[b]! - logits[a]!, { rtol: 1e-4, atol: 1e-5 });
    });

    test('owns its output', () => {
      using model = create({ seed: 1 });
      const { ids, targets } = batchOf(model);
      expectOwned(() => model.loss(ids, { targets }));
      expectOwned(() => model.call(ids));
      expectOwned(() => valueAndGradients(() => model.loss(ids, { targets }), model.parameters()));
    });
  });

  describe('the gradient', () => {
    test('reaches every parameter', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const { ids, targets } = batchOf(model);
      const names = [...model.namedParameters().keys()];
      const { gradients } = valueAndGradients(() => model.loss(ids, { targets }), model.parameters());
      gradients.forEach((gradient, i) => expect(Math.hypot(...valuesOf(gradient)), `${names[i]}`).toBeGreaterThan(0));
    });

    test.each([1, 2, 3])('tells how a small step changes the loss, seed %i', (seed) => {
      using model = create({ seed, initStd: 0.15 });
      const { ids, targets } = batchOf(model, seed);
      const parameters = model.parameters();
      const start = numbersOf(parameters);
      const { gradients } = valueAndGradients(() => model.loss(ids, { targets }), parameters);
      const squares = numbersOf(gradients)
        .flat()
        .reduce((sum, number) => sum + number ** 2, 0);
      const length = 0.02 / Math.sqrt(squares);
      const at = (step: number): number => {
        parameters.forEach((parameter, i) =>
          parameter.assign(sub(tensorLike(start[i]!, parameter), mul(gradients[i]!, step * length))),
        );
        return crossEntropyInFloat64(model, ids, targets);
      };
      const slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * length);
      expect(Math.abs(slope / -squares - 1)).toBeLessThan(2e-3);
    });

    test.each([0, 0.2])('has the same bits with gradient checkpointing, dropout %d', (dropout) => {
      const run = (wrap: boolean): number[][] => {
        using model = create({ seed: 1, initStd: 0.3, dropout });
        if (wrap) layers(model).forEach((layer, i, all) => (all[i] = new Checkpointed(layer)));
        const { ids, targets } = batchOf(model);
        const { value, gradients } = withDropout({ seed: 3, step: 1 }, () =>
          valueAndGradients(() => model.loss(ids, { targets }), model.parameters()),
        );
        return numbersOf([value, ...gradients]);
      };
      expect(run(true)).toEqual(run(false));
    });
  });

  test('the gradient of rows one by one, weighed by the tokens that count, is that of the batch', () => {
    using model = create({ seed: 1, initStd: 0.3 });
    const { ids, targets } = batchOf(model);
    const uneven = valuesOf(targets).map((id, i) => (i % seq < 8 - 3 * Math.floor(i / seq) ? id : -100)); // 8, 5 and 2
    const all = tensor2d(uneven, [batch, seq], 'int32');
    const gradientOf = (from: number, count: number): number[][] => {
      const rows = (x: Tensor2D): Tensor2D => slice(x, [from, 0], [count, -1]);
      return numbersOf(
        valueAndGradients(() => model.loss(rows(ids), { targets: rows(all) }), model.parameters()).gradients,
      );
    };
    const parts = [8, 5, 2].map((tokens, row) => ({ share: tokens / 15, gradients: gradientOf(row, 1) }));
    gradientOf(0, batch).forEach((gradient, p) =>
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
        const data = batchOf(model);
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
      const { ids, targets } = batchOf(model);
      expectSameBits(model.call(ids), plain.call(ids));
      const at = (step: number): number =>
        valuesOf(withDropout({ seed: 1, step }, () => model.loss(ids, { targets })))[0]!;
      expect(at(1)).toBe(at(1));
      expect(new Set([at(1), at(2), at(3)]).size).toBe(3);
    });

    test('30 steps leave as many tensors as there were', () => {
      using model = create({ seed: 1, dropout: 0.1 });
      const data = batchOf(model);
      const seen: number[] = [];
      train(
        model,
        (step) => {
          seen.push(counts().tensors);
          return withDropout({ seed: 1, step }, () => model.loss(data.ids, data));
        },
        { steps: 30, learningRate: 1e-3 },
      );
      expect(new Set(seen).size).toBe(1);
    });

    test.each([1, 2, 3, 4, 5])('learns one batch by heart: loss below 0.01 within 300 steps, seed %i', (seed) => {
      using model = create({ seed });
      const data = batchOf(model, seed);
      const losses = train(model, () => model.loss(data.ids, data), {
        steps: 300,
        learningRate: 5e-3,
        until: (loss) => loss < 0.01,
      });
      expect(losses.at(-1)).toBeLessThan(0.01);
    });

    test('what follows nothing cannot be learnt: on fresh random tokens the loss stays at chance', () => {
      using model = create({ seed: 1 });
      const chance = Math.log(model.config.vocabSize);
      const fresh = (step: number): Scalar => {
        const { ids, targets } = batchOf(model, 1000 + step);
        const loss = model.loss(ids, { targets });
        dispose([ids, targets]);
        return loss;
      };
      train(model, fresh, { steps: 100, learningRate: 5e-3 });
      const losses = Array.from({ length: 20 }, (_, i) => valuesOf(fresh(5000 + i))[0]!);
      expect(losses.reduce((sum, loss) => sum + loss, 0) / 20).toBeGreaterThan(chance - 0.05);
    });
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

function tensorLike(values: number[], { shape }: Tensor): Tensor {
  return tensor(values, shape);
}

/** The mean cross-entropy, from the model's float32 logits on in float64, which a finite difference needs. */
function crossEntropyInFloat64(model: Decoder, ids: Tensor2D, targets: Tensor2D): number {
  const logits = model.call(ids);
  const [values, labels, vocab] = [valuesOf(logits), valuesOf(targets), model.config.vocabSize];
  const losses = labels.map((label, i) => {
    const row = values.slice(i * vocab, (i + 1) * vocab);
    const highest = Math.max(...row);
    return highest + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) - row[label]!;
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
