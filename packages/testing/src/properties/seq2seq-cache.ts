import { EncoderDecoderCache } from '@formers/attention';
import { capture } from '@formers/backend';
import { argMax, concat, dispose, gather, slice, type Tensor, zerosLike } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectNoLeak, expectOwned } from '../leaks.ts';
import {
  batch,
  type EncoderDecoder,
  type EncoderDecoderSubject,
  maskOf,
  sourceOf,
  sourceSeq,
  targetOf,
  targetSeq,
} from './seq2seq.ts';

const close = { rtol: 1e-4, atol: 1e-4 };

/** Decoding with a cache is decoding without. */
export function seq2seqCacheProperties<Model extends EncoderDecoder>({ create }: EncoderDecoderSubject<Model>): void {
  const make = (seed = 1): Model => create({ seed, initStd: 0.3 });
  const mask = (): ReturnType<typeof maskOf> => maskOf([new Array<number>(sourceSeq).fill(1), [1, 1, 1, 1, 1, 0, 0]]);
  /** Which logit of each position is the largest. */
  const choices = (logits: Tensor): number[] => valuesOf(argMax(logits, 2));

  describe('the cache', () => {
    const splits = [[6], [1, 1, 1, 1, 1, 1], [2, 4], [4, 2], [5, 1], [1, 5], [2, 2, 2]];

    test.each(splits)('the split %i, %i, %i ... has the outputs of one call, and the same choices', (...lengths) => {
      using model = make();
      const [decoderIds, attentionMask] = [targetOf(model), mask()];
      const encoded = model.encode(sourceOf(model), { attentionMask });
      const full = model.decode(decoderIds, { encoded, attentionMask });
      using cache = new EncoderDecoderCache();
      let start = 0;
      const parts = lengths.map((length) => {
        const part = slice(decoderIds, [0, start], [-1, length]);
        start += length;
        return model.decode(part, { encoded, attentionMask, cache });
      });
      expect(cache.length).toBe(targetSeq);
      expectClose(concat(parts, 1), full, close);
      expect(choices(concat(parts, 1))).toEqual(choices(full));
    });

    test('with padding in the target, which the mask of all its tokens tells', () => {
      using model = make();
      const decoderIds = targetOf(model);
      const encoded = model.encode(sourceOf(model));
      const whole = maskOf([new Array<number>(targetSeq).fill(1), [1, 1, 0, 0, 1, 1]]);
      const full = model.decode(decoderIds, { encoded, decoderAttentionMask: whole });
      using cache = new EncoderDecoderCache();
      const parts = Array.from({ length: targetSeq }, (_, i) =>
        model.decode(slice(decoderIds, [0, i], [-1, 1]), {
          encoded,
          cache,
          decoderAttentionMask: slice(whole, [0, 0], [-1, i + 1]),
        }),
      );
      expectClose(concat(parts, 1), full, close);
    });

    test('holds what was made of the source from the first call on: the same bits as computed again', () => {
      using model = make();
      const [decoderIds, encoded] = [targetOf(model), model.encode(sourceOf(model))];
      using cache = new EncoderDecoderCache();
      const run = (): { logits: number[]; maps: number[][] } => {
        const { value, crossAttentions } = capture(
          () => model.decode(decoderIds, { encoded: cache.length === 0 ? encoded : zerosLike(encoded), cache }),
          ['crossAttentions'],
        );
        const found = { logits: valuesOf(value), maps: crossAttentions.map((map) => valuesOf(map)) };
        dispose([value, ...crossAttentions]);
        return found;
      };
      expectSameBits(model.decode(decoderIds, { encoded, cache }), model.decode(decoderIds, { encoded }));
      cache.crop(1); // of the target's tokens one is left, of the source everything
      expect(cache.length).toBe(1);
      const rest = slice(decoderIds, [0, 1], [-1, targetSeq - 1]);
      const kept = model.decode(rest, { encoded: zerosLike(encoded), cache });
      using again = new EncoderDecoderCache();
      model.decode(slice(decoderIds, [0, 0], [-1, 1]), { encoded, cache: again });
      expectSameBits(kept, model.decode(rest, { encoded, cache: again }));
      cache.crop(0);
      const [first, second] = [run(), (cache.crop(0), run())];
      expect(first).toEqual(second);
    });

    test('cropped, it goes on from there', () => {
      using model = make();
      const [decoderIds, others, encoded] = [
        targetOf(model),
        targetOf(model, { seed: 5 }),
        model.encode(sourceOf(model)),
      ];
      using cache = new EncoderDecoderCache();
      model.decode(decoderIds, { encoded, cache });
      cache.crop(2);
      const rest = slice(others, [0, 2], [-1, targetSeq - 2]);
      const full = model.decode(concat([slice(decoderIds, [0, 0], [-1, 2]), rest], 1), { encoded });
      expectClose(model.decode(rest, { encoded, cache }), slice(full, [0, 2, 0], [-1, -1, -1]), close);
    });

    test('with rows in another order, or repeated, it goes on with the sources of those rows', () => {
      using model = make();
      const rows = [1, 0, 1];
      const [decoderIds, attentionMask] = [targetOf(model), mask()];
      const encoded = model.encode(sourceOf(model), { attentionMask });
      using cache = new EncoderDecoderCache();
      model.decode(slice(decoderIds, [0, 0], [-1, 3]), { encoded, attentionMask, cache });
      cache.selectRows(rows);
      const chosen = { encoded: gather(encoded, rows), attentionMask: gather(attentionMask, rows) };
      const target = gather(decoderIds, rows);
      const found = model.decode(slice(target, [0, 3], [-1, targetSeq - 3]), { ...chosen, cache });
      expectClose(found, slice(model.decode(target, chosen), [0, 3, 0], [-1, -1, -1]), close);
    });

    test('lastOnly gives the last position alone', () => {
      using model = make();
      const [decoderIds, encoded] = [targetOf(model), model.encode(sourceOf(model))];
      const last = model.decode(decoderIds, { encoded, lastOnly: true });
      expect(last.shape).toEqual([batch, 1, model.config.vocabSize]);
      expectClose(last, slice(model.decode(decoderIds, { encoded }), [0, targetSeq - 1, 0], [-1, 1, -1]), close);
    });

    test('tokens one by one leak nothing but the cache; encode and decode own their outputs', async () => {
      using model = make();
      const ids = sourceOf(model);
      const encoded = model.encode(ids);
      const id = slice(targetOf(model), [0, 0], [-1, 1]);
      await expectNoLeak(() => {
        using cache = new EncoderDecoderCache();
        for (let i = 0; i < Math.min(12, model.config.contextLength); i++)
          model.decode(id, { encoded, cache, lastOnly: true }).dispose();
      });
      expectOwned(() => model.encode(ids));
      expectOwned(() => model.decode(id, { encoded }));
    });
  });
}
