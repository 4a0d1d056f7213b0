import { capture, valueAndGradients } from '@formers/backend';
import { concat, dispose, fill, mul, slice, sum, type Tensor, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { randomTensor } from '../random-tensor.ts';
import {
  batch,
  type EncoderDecoder,
  type EncoderDecoderSubject,
  lastDecoderState,
  maskOf,
  sourceOf,
  sourceSeq,
  targetOf,
  targetSeq,
} from './seq2seq.ts';

/** Padding, in the source and in the target: what it is made of and how much there is of it is nobody's business. */
export function seq2seqPaddingProperties<Model extends EncoderDecoder>({
  create,
  encoderTokens,
}: EncoderDecoderSubject<Model>): void {
  const make = (seed = 1): Model => create({ seed, initStd: 0.3 });
  const longer = (ids: Tensor2D, count: number, id = 3): Tensor2D =>
    concat([ids, fill([ids.shape[0], count], id, 'int32') as Tensor2D], 1);
  const padMask = (length: number, count: number): Tensor2D =>
    maskOf(
      Array.from({ length: batch }, () => [...new Array<number>(length).fill(1), ...new Array<number>(count).fill(0)]),
    );
  const written = (x: Tensor): Tensor => slice(x, [0, 0, 0], [-1, targetSeq, -1]);

  describe('padding', () => {
    test('masks of ones are no masks', () => {
      using model = make();
      const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
      const masks = { attentionMask: padMask(sourceSeq, 0), decoderAttentionMask: padMask(targetSeq, 0) };
      expectClose(model.call(ids, { decoderIds, ...masks }), model.call(ids, { decoderIds }), {
        rtol: 1e-4,
        atol: 1e-5,
      });
    });

    test('on the right it changes nothing on real tokens, whether of source, target or both', () => {
      using model = make();
      const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
      const plain = model.call(ids, { decoderIds });
      const source = [longer(ids, 3), { attentionMask: padMask(sourceSeq, 3) }] as const;
      const target = { decoderIds: longer(decoderIds, 2), decoderAttentionMask: padMask(targetSeq, 2) };
      for (const padded of [
        model.call(source[0], { decoderIds, ...source[1] }),
        model.call(ids, target),
        model.call(source[0], { ...source[1], ...target }),
      ])
        expectClose(written(padded), plain, { rtol: 1e-4, atol: 1e-5 });
      const encoded = slice(model.encode(...source), [0, 0, 0], [-1, sourceSeq, -1]);
      expectClose(encoded, model.encode(ids), { rtol: 1e-4, atol: 1e-5 });
    });

    test('unmasked it is seen', () => {
      using model = make();
      const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
      expect(valuesOf(model.call(longer(ids, 3), { decoderIds }))).not.toEqual(
        valuesOf(model.call(longer(ids, 3), { decoderIds, attentionMask: padMask(sourceSeq, 3) })),
      );
    });

    test('which ids it has does not matter (bits), and they get no gradient', () => {
      using model = make();
      const ids = tensor2d([[10, 11, 12, 13]], [1, 4], 'int32');
      const decoderIds = tensor2d([[20, 21, 22]], [1, 3], 'int32');
      const attentionMask = maskOf([[1, 1, 1, 1, 0, 0]]);
      const logits = (id: number): Tensor => model.call(longer(ids, 2, id), { decoderIds, attentionMask });
      expectSameBits(logits(0), logits(40));
      const table = encoderTokens(model);
      const { gradients } = valueAndGradients(() => {
        const hidden = lastDecoderState(model, longer(ids, 2, 40), { decoderIds, attentionMask });
        const total = sum(mul(hidden, randomTensor(hidden.shape)));
        hidden.dispose();
        return total;
      }, [table]);
      const row = (id: number): number[] => valuesOf(slice(gradients[0] as Tensor2D, [id, 0], [1, -1]));
      expect(row(40).every((value) => value === 0)).toBe(true);
      expect(Math.hypot(...row(11))).toBeGreaterThan(1e-8);
    });

    test('a row of padding alone has finite outputs and gradients, and leaves the others alone', () => {
      using model = make();
      const [ids, targets] = [sourceOf(model), targetOf(model)];
      const known = tensor2d(
        valuesOf(targets).map((id, i) => (i < targetSeq ? -100 : id)),
        [batch, targetSeq],
        'int32',
      );
      const [none, all] = [
        (length: number) => new Array<number>(length).fill(0),
        (length: number) => new Array<number>(length).fill(1),
      ];
      const masks = {
        attentionMask: maskOf([none(sourceSeq), all(sourceSeq)]),
        decoderAttentionMask: maskOf([none(targetSeq), all(targetSeq)]),
      };
      const { value, gradients } = valueAndGradients(
        () => model.loss(ids, { targets: known, ...masks }),
        model.parameters(),
      );
      for (const one of [value, ...gradients, model.call(ids, { decoderIds: targets, ...masks })])
        expect(valuesOf(one).every(Number.isFinite)).toBe(true);
      const last = (x: Tensor2D): Tensor2D => slice(x, [1, 0], [1, -1]);
      expectClose(value, model.loss(last(ids), { targets: last(targets) }), { rtol: 1e-4 });
    });
  });

  test('attention maps: rows sum to 1, nothing is negative, what is hidden is exactly 0', () => {
    using model = make();
    const [ids, decoderIds] = [sourceOf(model), targetOf(model)];
    const attentionMask = maskOf([new Array<number>(sourceSeq).fill(1), [1, 1, 1, 1, 0, 0, 0]]);
    const decoderAttentionMask = maskOf([new Array<number>(targetSeq).fill(1), [1, 1, 1, 1, 0, 0]]);
    const { value, ...captured } = capture(() => model.call(ids, { decoderIds, attentionMask, decoderAttentionMask }));
    const isHidden = {
      encoderAttentions: (row: number, _: number, key: number) => row === 1 && key >= 4,
      crossAttentions: (row: number, _: number, key: number) => row === 1 && key >= 4,
      attentions: (row: number, query: number, key: number) => key > query || (row === 1 && key >= 4),
    } as const;
    for (const kind of ['encoderAttentions', 'crossAttentions', 'attentions'] as const) {
      expect(captured[kind].length, kind).toBeGreaterThan(1);
      for (const map of captured[kind]) {
        const [, heads = 1, queries = 1, keys = 1] = map.shape;
        expect([queries, keys], kind).toEqual([
          kind === 'encoderAttentions' ? sourceSeq : targetSeq,
          kind === 'attentions' ? targetSeq : sourceSeq,
        ]);
        expectClose(sum(map, 3), new Array<number>(batch * heads * queries).fill(1), { atol: 1e-6 });
        valuesOf(map).forEach((weight, i) => {
          const [row, query] = [Math.floor(i / (heads * queries * keys)), Math.floor(i / keys) % queries];
          const right = isHidden[kind](row, query, i % keys) ? weight === 0 : weight > 0;
          if (!right) expect.fail(`${kind}: row ${row}, query ${query}, key ${i % keys} has ${weight}`);
        });
      }
    }
    dispose([value, ...Object.values(captured).flat()]);
  });
}
