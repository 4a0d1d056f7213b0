import { checkpoint, valueAndGradients, withDropout } from '@formers/backend';
import { type AnyModule, Module } from '@formers/nn';
import { mul, sub, Tensor, tensor, type Tensor2D } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, valuesOf } from '../close.ts';
import {
  type EncoderDecoder,
  type EncoderDecoderSubject,
  logProbabilities,
  shiftedOf,
  sourceOf,
  targetOf,
} from './seq2seq.ts';

const numbersOf = (tensors: readonly Tensor[]): number[][] => tensors.map((one) => valuesOf(one));

/** The gradient of an encoder-decoder's loss. */
export function seq2seqGradientProperties<Model extends EncoderDecoder>({
  create,
  encoderLayers,
  decoderLayers,
}: EncoderDecoderSubject<Model>): void {
  const batchOf = (model: Model, seed = 0): [ids: Tensor2D, targets: Tensor2D] => [
    sourceOf(model, { seed }),
    targetOf(model, { seed: seed + 1 }),
  ];

  describe('the gradient', () => {
    test('reaches every parameter that is trained', () => {
      using model = create({ seed: 1, initStd: 0.3 });
      const [ids, targets] = batchOf(model);
      const trained = [...model.namedParameters()].filter(([, { trainable }]) => trainable);
      const variables = trained.map(([, variable]) => variable);
      const { gradients } = valueAndGradients(() => model.loss(ids, { targets }), variables);
      gradients.forEach((gradient, i) => expect(Math.hypot(...valuesOf(gradient)), trained[i]![0]).toBeGreaterThan(0));
    });

    test.each([1, 2, 3])('tells how a small step changes the loss, seed %i', (seed) => {
      using model = create({ seed, initStd: 0.15, smooth: true });
      const [ids, targets] = batchOf(model, seed);
      const parameters = model.parameters();
      const start = parameters.map((parameter) => tensor(valuesOf(parameter), parameter.shape));
      const { gradients } = valueAndGradients(() => model.loss(ids, { targets }), parameters);
      const squares = numbersOf(gradients)
        .flat()
        .reduce((total, number) => total + number ** 2, 0);
      const length = 0.02 / Math.sqrt(squares);
      const labels = valuesOf(targets);
      const at = (step: number): number => {
        parameters.forEach((parameter, i) => parameter.assign(sub(start[i]!, mul(gradients[i]!, step * length))));
        const losses = logProbabilities(model, ids, shiftedOf(model, targets)).map((row, i) => -row[labels[i]!]!);
        return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
      };
      const slope = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * length);
      expect(Math.abs(slope / -squares - 1)).toBeLessThan(2e-3);
    });

    test.each([0, 0.2])(
      'is the same with gradient checkpointing, and the loss has the same bits, dropout %d',
      (dropout) => {
        const run = (wrap: boolean): number[][] => {
          using model = create({ seed: 1, initStd: 0.3, dropout });
          if (wrap)
            for (const layers of [encoderLayers(model), decoderLayers(model)])
              layers.forEach((layer, i) => (layers[i] = new Checkpointed(layer)));
          const [ids, targets] = batchOf(model);
          const { value, gradients } = withDropout({ seed: 3, step: 1 }, () =>
            valueAndGradients(() => model.loss(ids, { targets }), model.parameters()),
          );
          return numbersOf([value, ...gradients]);
        };
        const [[wrapped, ...found], [plain, ...expected]] = [run(true), run(false)];
        expect(wrapped).toEqual(plain);
        // What several layers read, such as the source's states, sums its gradients in another order.
        expectClose(found, expected, { rtol: 1e-5, atol: 1e-6 });
      },
    );
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
    // The source's states and biases of positions, which come as options, need a gradient, too.
    const given = inputs.flatMap((input) => (input instanceof Tensor ? [input] : Object.values(input ?? {})));
    const tensors = given.filter((one): one is Tensor => one instanceof Tensor && one.dtype === 'float32');
    return checkpoint(() => this.layer.call(...inputs) as Tensor, [...tensors, ...this.layer.parameters()]);
  }
}
