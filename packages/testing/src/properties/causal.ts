import { GrowingKVCache } from '@formers/attention';
import { capture, valueAndGradients } from '@formers/backend';
import {
  concat,
  dispose,
  mul,
  reshape,
  slice,
  sum,
  type Tensor,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  tensor3d,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectError, expectNoLeak } from '../leaks.ts';
import { randomIds, randomTensor } from '../random-tensor.ts';
import { type Decoder, type DecoderSubject, lastHiddenState } from './decoder.ts';

const [batch, seq] = [2, 9];

/** What each token of a decoder sees: nothing later, no padding, and the same with a cache. */
export function causalProperties<Model extends Decoder>({
  create,
  tokens,
  window = () => Infinity,
}: DecoderSubject<Model>): void {
  const make = (seed = 1): Model => create({ seed, initStd: 0.3 });
  const idsOf = (model: Decoder, { length = seq, seed = 0 } = {}): Tensor2D =>
    randomIds<Tensor2D>([batch, length], { bound: model.config.vocabSize, seed });
  const maskOf = (rows: number[][]): Tensor2D => tensor2d(rows, [rows.length, rows[0]!.length], 'int32');
  /** Numbers of one position (or several) of one row. */
  const at = (x: Tensor, row: number, from: number, count = 1): number[] =>
    valuesOf(slice(x as Tensor3D, [row, from, 0], [1, count, -1]));

  describe('causality', () => {
    test('a changed token changes nothing before it (bits), and everything from it on', () => {
      using model = make();
      const ids = idsOf(model);
      const before = model.call(ids);
      for (let changed = 0; changed < seq; changed++) {
        const values = valuesOf(ids);
        values[changed] = (values[changed]! + 1) % model.config.vocabSize; // in row 0
        const after = model.call(tensor2d(values, [batch, seq], 'int32'));
        for (let i = 0; i < seq; i++)
          expect(
            at(after, 0, i).every((value, j) => value === at(before, 0, i)[j]),
            `token ${changed}, output ${i}`,
          ).toBe(i < changed);
        expect(at(after, 1, 0, seq)).toEqual(at(before, 1, 0, seq));
      }
    });

    test('the gradient of an output with respect to later tokens is exactly 0, to earlier ones not', () => {
      using model = make();
      const distinct = Array.from({ length: seq }, (_, i) => 3 * i + 2); // row j of the table is the token at j
      const ids = tensor2d([distinct], [1, seq], 'int32');
      for (let i = 0; i < seq; i++) {
        const output = randomTensor<Tensor3D>([1, 1, tokens(model).shape[1]!]);
        const { gradients } = valueAndGradients(() => {
          const hidden = lastHiddenState(model, ids);
          const one = sum(mul(slice(hidden, [0, i, 0], [1, 1, -1]), output));
          hidden.dispose();
          return one;
        }, [tokens(model)]);
        const table = gradients[0]!;
        distinct.forEach((id, j) => {
          const row = valuesOf(slice(table as Tensor2D, [id, 0], [1, -1]));
          const isRight = j > i ? row.every((value) => value === 0) : Math.hypot(...row) > 1e-8;
          expect(isRight, `output ${i}, token ${j}`).toBe(true);
        });
      }
    });
  });

  describe('padding', () => {
    const longer = (ids: Tensor2D, id: number, { left = 0, right = 0 }): Tensor2D =>
      concat(
        [fillIds(id, left), ids, fillIds(id, right)].filter((part) => part !== undefined),
        1,
      ) as Tensor2D;
    const fillIds = (id: number, count: number): Tensor2D | undefined =>
      count === 0 ? undefined : tensor2d(new Array<number>(batch * count).fill(id), [batch, count], 'int32');
    const padMask = (length: number, { left = 0, right = 0 }): Tensor2D => {
      const row = [
        ...new Array<number>(left).fill(0),
        ...new Array<number>(length).fill(1),
        ...new Array<number>(right).fill(0),
      ];
      return maskOf(Array.from({ length: batch }, () => row));
    };

    test('a mask of ones is no mask', () => {
      using model = make();
      const ids = idsOf(model);
      expectClose(model.call(ids, { attentionMask: padMask(seq, {}) }), model.call(ids), { atol: 1e-5 });
    });

    test('on the right it changes nothing on real tokens', () => {
      using model = make();
      const ids = idsOf(model);
      const padded = model.call(longer(ids, 7, { right: 3 }), { attentionMask: padMask(seq, { right: 3 }) });
      expectClose(slice(padded, [0, 0, 0], [-1, seq, -1]), model.call(ids), { atol: 1e-5 });
    });

    test('on the left, with position ids, it changes nothing on real tokens', () => {
      using model = make();
      const ids = idsOf(model);
      const positionIds = tensor2d([0, 0, ...Array.from({ length: seq }, (_, i) => i)], [1, seq + 2], 'int32');
      const both = concat([positionIds, positionIds], 0) as Tensor2D;
      const padded = model.call(longer(ids, 7, { left: 2 }), {
        attentionMask: padMask(seq, { left: 2 }),
        positionIds: both,
      });
      expectClose(slice(padded, [0, 2, 0], [-1, seq, -1]), model.call(ids), { rtol: 1e-4, atol: 1e-4 });
    });

    test('which ids it has does not matter (bits), and they get no gradient', () => {
      using model = make();
      const ids = tensor2d(
        [
          [2, 3, 5, 6],
          [8, 9, 11, 12],
        ],
        [2, 4],
        'int32',
      );
      for (const where of [{ left: 2 }, { right: 2 }]) {
        const attentionMask = padMask(4, where);
        const start = where.left ?? 0;
        const real = (pad: number): Tensor =>
          slice(model.call(longer(ids, pad, where), { attentionMask }), [0, start, 0], [-1, 4, -1]);
        expectSameBits(real(0), real(20));
        const { gradients } = valueAndGradients(() => {
          const hidden = lastHiddenState(model, longer(ids, 20, where), { attentionMask });
          const total = sum(mul(slice(hidden, [0, start, 0], [-1, 4, -1]), randomTensor(hidden.shape.with(1, 4))));
          hidden.dispose();
          return total;
        }, [tokens(model)]);
        const row = (id: number): number[] => valuesOf(slice(gradients[0] as Tensor2D, [id, 0], [1, -1]));
        expect(row(20).every((value) => value === 0)).toBe(true);
        expect(Math.hypot(...row(3))).toBeGreaterThan(1e-8);
      }
    });

    test('a row of padding alone has finite outputs and gradients', () => {
      using model = make();
      const ids = idsOf(model);
      const attentionMask = maskOf([new Array<number>(seq).fill(0), new Array<number>(seq).fill(1)]);
      const targets = tensor2d([new Array<number>(seq).fill(-100), valuesOf(ids).slice(seq)], [2, seq], 'int32');
      const { value, gradients } = valueAndGradients(
        () => model.loss(ids, { attentionMask, targets }),
        model.parameters(),
      );
      for (const one of [value, ...gradients, model.call(ids, { attentionMask })])
        expect(valuesOf(one).every(Number.isFinite)).toBe(true);
      const alone = model.loss(slice(ids, [1, 0], [1, -1]), { targets: slice(targets, [1, 0], [1, -1]) });
      expectClose(value, alone, { rtol: 1e-4 });
    });
  });

  describe('masks for each query', () => {
    const lengths = [4, 3, 2];
    const sequenceOf = lengths.flatMap((length, i) => new Array<number>(length).fill(i));
    const sameSequence = sequenceOf.map((of) => sequenceOf.map((other) => (of === other ? 1 : 0)));
    const packed = ({ causal = false } = {}): { attentionMask: Tensor3D; positionIds: Tensor2D } => ({
      attentionMask: tensor3d(
        [sameSequence.map((row, query) => row.map((same, key) => (causal && key > query ? 0 : same)))],
        [1, seq, seq],
        'int32',
      ),
      positionIds: tensor2d([lengths.flatMap((length) => Array.from({ length }, (_, i) => i))], [1, seq], 'int32'),
    });

    test('block-diagonal: sequences packed in one row are the sequences alone, later tokens hidden by the mask or not', () => {
      using model = make();
      const ids = slice(idsOf(model), [0, 0], [1, -1]);
      for (const { attentionMask, positionIds } of [packed(), packed({ causal: true })]) {
        const together = model.call(ids, { attentionMask, positionIds });
        let start = 0;
        for (const length of lengths) {
          const alone = model.call(slice(ids, [0, start], [1, length]));
          expectClose(slice(together, [0, start, 0], [1, length, -1]), alone, { rtol: 1e-4, atol: 1e-5 });
          start += length;
        }
      }
    });

    test('their loss is the mean over the tokens of all', () => {
      using model = make();
      const [ids, targets] = [0, 5].map((seed) => slice(idsOf(model, { seed }), [0, 0], [1, -1])) as [
        Tensor2D,
        Tensor2D,
      ];
      let [start, total] = [0, 0];
      for (const length of lengths) {
        const own = (x: Tensor2D): Tensor2D => slice(x, [0, start], [1, length]);
        total += length * valuesOf(model.loss(own(ids), { targets: own(targets) }))[0]!;
        start += length;
      }
      expectClose(model.loss(ids, { targets, ...packed() }), total / seq, { rtol: 1e-5 });
    });

    test('the same with heads, and part by part with a cache', () => {
      using model = make();
      const ids = slice(idsOf(model), [0, 0], [1, -1]);
      const { attentionMask, positionIds } = packed();
      const full = model.call(ids, { attentionMask, positionIds });
      const heads = reshape(attentionMask, [1, 1, seq, seq]) as Tensor4D;
      expectSameBits(model.call(ids, { attentionMask: heads, positionIds }), full);
      using cache = new GrowingKVCache();
      let start = 0;
      const parts = [2, 1, 6].map((length) => {
        const from = start;
        start += length;
        return model.call(slice(ids, [0, from], [1, length]), {
          attentionMask: slice(attentionMask, [0, from, 0], [1, length, start]),
          positionIds: slice(positionIds, [0, from], [1, length]),
          cache,
        });
      });
      expectClose(concat(parts, 1), full, { rtol: 1e-4, atol: 1e-5 });
    });

    test('of another shape are refused', async () => {
      using model = make();
      const ids = idsOf(model);
      for (const shape of [
        [batch, seq + 1],
        [batch, seq, seq - 1],
        [batch, seq - 1, seq],
        [batch * seq],
        [batch, 1, seq, seq + 1],
      ]) {
        const attentionMask = randomTensor<Tensor2D>(shape);
        const message = 'attentionMask must be';
        await expectError(() => model.call(ids, { attentionMask }), { code: 'shape', message });
      }
      const added = randomTensor<Tensor4D>([batch, 1, seq, seq]);
      await expectError(() => model.call(ids, { attentionMask: added }), {
        code: 'value',
        message: 'attentionMask of rank 4 must be bool or int32',
      });
    });
  });

  describe('batches', () => {
    test('a row alone is the row in a batch; the order of rows is the order of outputs', () => {
      using model = make();
      const ids = idsOf(model);
      const together = model.call(ids);
      const rows = [0, 1].map((row) => slice(ids, [row, 0], [1, -1]));
      rows.forEach((row, i) => expectClose(model.call(row), slice(together, [i, 0, 0], [1, -1, -1]), { atol: 1e-5 }));
      expectClose(
        model.call(concat(rows.toReversed(), 0)),
        concat([slice(together, [1, 0, 0], [1, -1, -1]), slice(together, [0, 0, 0], [1, -1, -1])], 0),
        { atol: 1e-5 },
      );
    });
  });

  describe('key/value cache', () => {
    const splits = [[9], [1, 1, 1, 1, 1, 1, 1, 1, 1], [4, 5], [5, 4], [8, 1], [1, 8], [3, 3, 3]];

    test.each(splits)('the split %i, %i, %i ... has the outputs of one call, and the same choices', (...lengths) => {
      using model = make();
      const ids = idsOf(model);
      const mask = maskOf([new Array<number>(seq).fill(1), [0, 0, 1, 1, 1, 1, 1, 1, 1]]);
      for (const attentionMask of [undefined, mask]) {
        const full = model.call(ids, { attentionMask });
        using cache = new GrowingKVCache();
        let start = 0;
        const parts = lengths.map((length) => {
          const part = slice(ids, [0, start], [-1, length]);
          start += length;
          return model.call(part, { cache, attentionMask: attentionMask && slice(attentionMask, [0, 0], [-1, start]) });
        });
        expect(cache.length).toBe(seq);
        const steps = concat(parts, 1);
        const counts = attentionMask === undefined ? 0 : 2; // the padding of row 1 sees what comes later, which a cache cannot know
        for (const row of [0, 1]) {
          const from = row === 1 ? counts : 0;
          expectClose(at(steps, row, from, seq - from), at(full, row, from, seq - from), { rtol: 1e-4, atol: 1e-4 });
          for (let i = from; i < seq; i++) expect(indexOfMax(at(steps, row, i))).toBe(indexOfMax(at(full, row, i)));
        }
      }
    });

    test('cropped, it goes on from there', () => {
      using model = make();
      const [ids, others] = [idsOf(model), idsOf(model, { seed: 5 })];
      using cache = new GrowingKVCache();
      model.call(ids, { cache });
      cache.crop(4);
      const rest = slice(others, [0, 4], [-1, 5]);
      const full = model.call(concat([slice(ids, [0, 0], [-1, 4]), rest], 1));
      expectClose(model.call(rest, { cache }), slice(full, [0, 4, 0], [-1, 5, -1]), { rtol: 1e-4, atol: 1e-4 });
    });

    test('lastOnly gives the last position alone', () => {
      using model = make();
      const ids = idsOf(model);
      const last = model.call(ids, { lastOnly: true });
      expect(last.shape).toEqual([batch, 1, model.config.vocabSize]);
      expectClose(last, slice(model.call(ids), [0, seq - 1, 0], [-1, 1, -1]), { atol: 1e-5 });
    });

    test('tokens one by one leak nothing but the cache', async () => {
      using model = make();
      const id = idsOf(model, { length: 1 });
      await expectNoLeak(() => {
        using cache = new GrowingKVCache();
        for (let i = 0; i < model.config.contextLength; i++) model.call(id, { cache, lastOnly: true }).dispose();
      });
    });
  });

  test('attention maps: rows sum to 1, nothing is negative, later tokens, padding and what is out of reach exactly 0', () => {
    using model = make();
    const ids = idsOf(model);
    const attentionMask = maskOf([new Array<number>(seq).fill(1), [1, 1, 1, 1, 1, 1, 0, 0, 0]]);
    const { value, attentions } = capture(() => model.call(ids, { attentionMask }), ['attentions']);
    expect(attentions.length).toBeGreaterThan(0);
    for (const [layer, map] of attentions.entries()) {
      const values = valuesOf(map);
      const heads = map.shape[1]!;
      for (let row = 0; row < values.length / seq; row++) {
        const [query, isPadded] = [row % seq, row >= heads * seq];
        const weights = values.slice(row * seq, (row + 1) * seq);
        const isBlind = isPadded && query - 6 >= window(layer) - 1; // padding that sees padding alone
        expectClose(
          weights.reduce((total, weight) => total + weight, 0),
          1,
          { atol: 1e-6 },
        );
        const isHidden = (key: number): boolean =>
          key > query || query - key >= window(layer) || (isPadded && key >= 6 && !isBlind);
        weights.forEach((weight, key) => expect(isHidden(key) ? weight === 0 : weight > 0).toBe(true));
      }
    }
    dispose([value, ...attentions]);
  });
}

function indexOfMax(values: number[]): number {
  return values.indexOf(Math.max(...values));
}
