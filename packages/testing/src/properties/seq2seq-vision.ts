import { capture, valueAndGradients } from '@formers/backend';
import {
  concat,
  dispose,
  mul,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, valuesOf } from '../close.ts';
import { randomTensor } from '../random-tensor.ts';
import {
  batch,
  type EncoderDecoder,
  type EncoderDecoderSubject,
  lastDecoderState,
  sourceOf,
  sourceSeq,
  targetOf,
  targetSeq,
} from './seq2seq.ts';

/** What each token of an encoder-decoder sees: the whole source, and of the target what is written. */
export function seq2seqVisionProperties<Model extends EncoderDecoder>({
  create,
  encoderTokens,
  decoderTokens,
}: EncoderDecoderSubject<Model>): void {
  const make = (seed = 1): Model => create({ seed, initStd: 0.3 });
  /** Numbers of one position of one row. */
  const at = (x: Tensor, row: number, position: number): number[] =>
    valuesOf(slice(x as Tensor3D, [row, position, 0], [1, 1, -1]));
  // Every token stands once, so that a row of the table is a place.
  const source = Array.from({ length: sourceSeq }, (_, i) => 30 + 2 * i);
  const target = Array.from({ length: targetSeq }, (_, i) => 5 + 3 * i);
  const row = (ids: number[]): Tensor2D => tensor2d([ids], [1, ids.length], 'int32');
  /** The gradient of a random projection of one position, by the tokens of a table. */
  const gradientOf = (table: Tensor, hidden: () => Tensor3D, position: number): ((id: number) => number[]) => {
    const { gradients } = valueAndGradients(() => {
      const x = hidden();
      const one = sum(mul(slice(x, [0, position, 0], [1, 1, -1]), randomTensor([1, 1, x.shape[2]])));
      x.dispose();
      return one;
    }, [table]);
    return (id) => valuesOf(slice(gradients[0] as Tensor2D, [id, 0], [1, -1]));
  };
  const isZero = (numbers: number[]): boolean => numbers.every((value) => value === 0);
  const isFelt = (numbers: number[]): boolean => Math.hypot(...numbers) > 1e-8;

  describe('the decoder', () => {
    test('sees nothing later: a changed token changes nothing before it (bits), and everything from it on', () => {
      using model = make();
      const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
      const before = model.call(ids, { decoderIds });
      expect(before.shape).toEqual([batch, targetSeq, model.config.vocabSize]);
      for (let changed = 0; changed < targetSeq; changed++) {
        const values = valuesOf(decoderIds);
        values[changed] = (values[changed]! + 1) % model.config.vocabSize; // in row 0
        const after = model.call(ids, { decoderIds: tensor2d(values, [batch, targetSeq], 'int32') });
        for (let i = 0; i < targetSeq; i++) {
          const isSame = at(after, 0, i).every((value, j) => value === at(before, 0, i)[j]);
          expect(isSame, `token ${changed}, output ${i}`).toBe(i < changed);
          expect(at(after, 1, i)).toEqual(at(before, 1, i));
        }
      }
    });

    test('sees nothing later: the gradient by later tokens is exactly 0, by earlier ones not', () => {
      using model = make();
      for (let i = 0; i < targetSeq; i++) {
        const hidden = (): Tensor3D => lastDecoderState(model, row(source), { decoderIds: row(target) });
        const gradient = gradientOf(decoderTokens(model), hidden, i);
        target.forEach((id, j) =>
          expect(j > i ? isZero(gradient(id)) : isFelt(gradient(id)), `output ${i}, token ${j}`).toBe(true),
        );
      }
    });

    test('sees the whole source, from each of its places, and no other token', () => {
      using model = make();
      for (let i = 0; i < targetSeq; i++) {
        const hidden = (): Tensor3D => lastDecoderState(model, row(source), { decoderIds: row(target) });
        const gradient = gradientOf(encoderTokens(model), hidden, i);
        source.forEach((id, j) => expect(isFelt(gradient(id)), `output ${i}, source token ${j}`).toBe(true));
        for (let id = 0; id < model.config.vocabSize; id++)
          if (!source.includes(id) && !target.includes(id)) expect(isZero(gradient(id)), `token ${id}`).toBe(true);
      }
    });

    test('sees the source of its own row alone (bits)', () => {
      using model = make();
      const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
      const before = model.call(ids, { decoderIds });
      const other = concat([slice(sourceOf(model, { seed: 9 }), [0, 0], [1, -1]), slice(ids, [1, 0], [1, -1])], 0);
      const after = model.call(other as Tensor2D, { decoderIds });
      for (let i = 0; i < targetSeq; i++) {
        expect(at(after, 1, i)).toEqual(at(before, 1, i));
        expect(at(after, 0, i)).not.toEqual(at(before, 0, i));
      }
    });

    test('sees of the source what the encoder made of it: a whole pass is encode and decode (bits)', () => {
      using model = make();
      const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
      const encoded = model.encode(ids);
      expect(encoded.shape.slice(0, 2)).toEqual([batch, sourceSeq]);
      expect(valuesOf(model.decode(decoderIds, { encoded }))).toEqual(valuesOf(model.call(ids, { decoderIds })));
    });
  });

  describe('the encoder', () => {
    test('sees the whole source from each place, and no other token', () => {
      using model = make();
      for (let i = 0; i < sourceSeq; i++) {
        const gradient = gradientOf(encoderTokens(model), () => model.encode(row(source)), i);
        for (let id = 0; id < model.config.vocabSize; id++)
          expect(source.includes(id) ? isFelt(gradient(id)) : isZero(gradient(id)), `output ${i}, token ${id}`).toBe(
            true,
          );
      }
    });

    test('does not know what the decoder writes (bits)', () => {
      using model = make();
      const ids = sourceOf(model);
      const states = [1, 2].map((seed) => {
        const { value, encoderHiddenStates } = capture(
          () => model.call(ids, { decoderIds: targetOf(model, { seed }) }),
          ['encoderHiddenStates'],
        );
        const numbers = encoderHiddenStates.map((state) => valuesOf(state));
        dispose([value, ...encoderHiddenStates]);
        return numbers;
      });
      expect(states[0]).toEqual(states[1]);
    });
  });

  test('a row alone is the row in a batch; the order of rows is the order of outputs', () => {
    using model = make();
    const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
    const together = model.call(ids, { decoderIds });
    const rowsOf = (x: Tensor2D): Tensor2D[] => [0, 1].map((i) => slice(x, [i, 0], [1, -1]));
    const [sources, targets] = [rowsOf(ids), rowsOf(decoderIds)];
    const parts = [0, 1].map((i) => slice(together, [i, 0, 0], [1, -1, -1]));
    parts.forEach((part, i) =>
      expectClose(model.call(sources[i]!, { decoderIds: targets[i]! }), part, { rtol: 1e-4, atol: 1e-5 }),
    );
    const turned = model.call(concat(sources.toReversed(), 0), { decoderIds: concat(targets.toReversed(), 0) });
    expectClose(turned, concat(parts.toReversed(), 0), { rtol: 1e-4, atol: 1e-5 });
  });
}
