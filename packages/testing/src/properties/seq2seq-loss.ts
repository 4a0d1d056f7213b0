import { crossEntropy, valueAndGradients } from '@formers/backend';
import { type Scalar, slice, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectOwned } from '../leaks.ts';
import {
  batch,
  type EncoderDecoder,
  type EncoderDecoderSubject,
  logProbabilities,
  shiftedOf,
  sourceOf,
  targetOf,
  targetSeq,
} from './seq2seq.ts';

/** The loss of an encoder-decoder: what it is told to write, what it is given while it does, and what counts. */
export function seq2seqLossProperties<Model extends EncoderDecoder>({ create }: EncoderDecoderSubject<Model>): void {
  const make = (): Model => create({ seed: 1, initStd: 0.3 });
  const meanOf = (numbers: number[]): number => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

  describe('the loss', () => {
    test('is the mean cross-entropy of each token`s logits, given the start token and the targets before it', () => {
      using model = make();
      const [ids, targets] = [sourceOf(model), targetOf(model)];
      const before = valuesOf(targets).map((_, i, all) =>
        i % targetSeq === 0 ? model.config.decoderStartTokenId : all[i - 1]!,
      );
      const decoderIds = tensor2d(before, [batch, targetSeq], 'int32');
      expectSameBits(shiftedOf(model, targets), decoderIds);
      expectClose(model.loss(ids, { targets }), crossEntropy(model.call(ids, { decoderIds }), targets));
      expectSameBits(model.loss(ids, { targets, decoderIds }), model.loss(ids, { targets }));
      const others = targetOf(model, { seed: 7 });
      expectClose(
        model.loss(ids, { targets, decoderIds: others }),
        crossEntropy(model.call(ids, { decoderIds: others }), targets),
      );
    });

    test('targets of -100 count neither in the mean nor in the gradient, and the decoder is given padding for them', () => {
      using model = make();
      const [ids, targets] = [sourceOf(model), targetOf(model)];
      const chosen = valuesOf(targets).map((id, i) => (i % 3 === 0 ? id : -100));
      const some = tensor2d(chosen, [batch, targetSeq], 'int32');
      const expected = logProbabilities(model, ids, shiftedOf(model, some)).flatMap((row, i) =>
        chosen[i] === -100 ? [] : [-row[chosen[i]!]!],
      );
      expectClose(model.loss(ids, { targets: some }), meanOf(expected));
      const known = valuesOf(shiftedOf(model, some));
      expect(known.filter((id) => id === model.config.padTokenId).length).toBeGreaterThanOrEqual(batch * 3);

      const none = tensor2d(new Array<number>(batch * targetSeq).fill(-100), [batch, targetSeq], 'int32');
      const { value, gradients } = valueAndGradients(() => model.loss(ids, { targets: none }), model.parameters());
      for (const numbers of [value, ...gradients]) expect(valuesOf(numbers).every((number) => number === 0)).toBe(true);
    });

    test('with label smoothing ε: (1 - ε) of the target`s, and ε of the mean over all classes', () => {
      using model = make();
      const [ids, targets] = [sourceOf(model), targetOf(model)];
      const chosen = valuesOf(targets);
      const expected = logProbabilities(model, ids, shiftedOf(model, targets)).map(
        (row, i) => -(0.9 * row[chosen[i]!]! + 0.1 * meanOf(row)),
      );
      expectClose(model.loss(ids, { targets, labelSmoothing: 0.1 }), meanOf(expected));
      expectSameBits(model.loss(ids, { targets, labelSmoothing: 0 }), model.loss(ids, { targets }));
    });

    test('what counts at one place is its own target alone', () => {
      using model = make();
      const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
      const only = (id: number): Scalar =>
        model.loss(ids, {
          decoderIds,
          targets: tensor2d(
            Array.from({ length: batch * targetSeq }, (_, i) => (i === targetSeq + 4 ? id : -100)),
            [batch, targetSeq],
            'int32',
          ),
        });
      const logits = valuesOf(slice(model.call(ids, { decoderIds }), [1, 4, 0], [1, 1, -1]));
      const [a, b] = [3, 17];
      const difference = valuesOf(only(a))[0]! - valuesOf(only(b))[0]!;
      expectClose(difference, logits[b]! - logits[a]!, { rtol: 1e-4, atol: 1e-5 });
    });

    test('owns its output', () => {
      using model = make();
      const [ids, targets] = [sourceOf(model), targetOf(model)];
      expectOwned(() => model.loss(ids, { targets }));
      expectOwned(() => model.call(ids, { decoderIds: targets }));
      expectOwned(() => valueAndGradients(() => model.loss(ids, { targets }), model.parameters()));
    });
  });
}
