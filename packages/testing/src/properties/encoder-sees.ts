import { capture, valueAndGradients } from '@formers/backend';
import {
  concat,
  dispose,
  gather,
  mul,
  slice,
  sum,
  tensor,
  type Tensor,
  type Tensor2D,
  tensor2d,
  type Tensor3D,
  tensor3d,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, expectSameBits, valuesOf } from '../close.ts';
import { expectError } from '../leaks.ts';
import { randomTensor } from '../random-tensor.ts';
import { type Encoder, type EncoderSubject, lastStateOf, padded, tokensFor } from './encoder.ts';

const [batch, seq] = [2, 9];

/** What each token of an encoder sees: all others, and no padding. */
export function encoderSeesProperties<Model extends Encoder>({
  create,
  tokens,
  positions,
  layers,
}: EncoderSubject<Model>): void {
  const make = (seed = 1): Model => create({ seed, initStd: 0.3 });
  const part = (x: Tensor3D, from: number, count: number): Tensor3D => slice(x, [0, from, 0], [-1, count, -1]);
  /** How much a random sum of some hidden states changes with each token's embedding. */
  const tokenGradient = (model: Model, states: () => Tensor3D): ((id: number) => number) => {
    const { gradients } = valueAndGradients(() => {
      const x = states();
      return sum(mul(x, randomTensor(x.shape)));
    }, [tokens(model)]);
    return (id) => Math.hypot(...valuesOf(slice(gradients[0] as Tensor2D, [id, 0], [1, -1])));
  };

  test('every output depends on every token', () => {
    using model = make();
    const distinct = Array.from({ length: seq }, (_, i) => 3 * i + 5); // row j of the table is the token at j
    const ids = tensor2d([distinct], [1, seq], 'int32');
    for (let i = 0; i < seq; i++) {
      const gradient = tokenGradient(model, () => part(lastStateOf(model, ids), i, 1));
      distinct.forEach((id, j) => expect(gradient(id), `output ${i}, token ${j}`).toBeGreaterThan(1e-8));
      expect(gradient(4), 'a token that isn`t there').toBe(0);
    }
  });

  describe('the order of tokens', () => {
    const order = [4, 0, 8, 2, 6, 1, 7, 3, 5];

    test('is the order of outputs, without positions', () => {
      using model = make();
      const { table } = positions(model);
      table.assign(zerosLike(table));
      const ids = tokensFor(model);
      const mixed = model.call(gather(ids, order, 1));
      expectClose(mixed, gather(model.call(ids), order, 1), { rtol: 1e-5, atol: 1e-5 });
    });

    test('matters with positions', () => {
      using model = make();
      const ids = tokensFor(model);
      const [mixed, straight] = [model.call(gather(ids, order, 1)), gather(model.call(ids), order, 1)];
      expect(largestDifference(mixed, straight)).toBeGreaterThan(0.01);
    });

    test('is told by positions: given ones are those that tokens have by default', () => {
      using model = make();
      const ids = tokensFor(model);
      const { first } = positions(model);
      const row = Array.from({ length: seq }, (_, i) => first + i);
      expectSameBits(model.call(ids, { positionIds: tensor2d([row, row], [batch, seq], 'int32') }), model.call(ids));
      expectSameBits(model.call(ids, { positionIds: tensor2d([row], [1, seq], 'int32') }), model.call(ids));
      const other = tensor2d([row.toReversed()], [1, seq], 'int32');
      expect(largestDifference(model.call(ids, { positionIds: other }), model.call(ids))).toBeGreaterThan(0.01);
    });

    test('has an end: one token more than there are positions is refused', async () => {
      using model = make();
      const { contextLength } = model.config;
      model.call(tokensFor(model, { seq: contextLength }));
      const tooMany = tokensFor(model, { seq: contextLength + 1 });
      await expectError(() => model.call(tooMany), { code: 'shape', message: `${contextLength} positions, got ` });
    });
  });

  describe('padding', () => {
    test('a mask of ones is no mask', () => {
      using model = make();
      const ids = tokensFor(model);
      const ones = tensor2d(new Array<number>(batch * seq).fill(1), [batch, seq], 'int32');
      expectClose(model.call(ids, { attentionMask: ones }), model.call(ids), { atol: 1e-5 });
    });

    test.each([{ right: 3 }, { left: 3 }, { left: 1, right: 2 }])('%o changes nothing on real tokens', (sides) => {
      using model = make();
      const ids = tokensFor(model);
      const { ids: longer, options } = padded(ids, { id: 7, first: positions(model).first, ...sides });
      expectClose(part(model.call(longer, options), sides.left ?? 0, seq), model.call(ids), { atol: 1e-5 });
    });

    test('on the right needs no positions', () => {
      using model = make();
      const ids = tokensFor(model);
      const id = model.config.padTokenId ?? 0;
      const { ids: longer, options } = padded(ids, { id, right: 3 });
      const { attentionMask } = options;
      expectClose(part(model.call(longer, { attentionMask }), 0, seq), model.call(ids), { atol: 1e-5 });
    });

    test.each([{ right: 2 }, { left: 2 }])(
      'which ids it has does not matter (bits), and they get no gradient, %o',
      (sides) => {
        using model = make();
        const [left, first] = [sides.left ?? 0, positions(model).first];
        const words = [
          [5, 6, 8, 9],
          [11, 12, 14, 15],
        ];
        const ids = tensor2d(words, [2, 4], 'int32');
        const real = (id: number): Tensor3D => {
          const { ids: longer, options } = padded(ids, { id, first, ...sides });
          return part(lastStateOf(model, longer, options), left, 4);
        };
        expectSameBits(real(3), real(20));
        const gradient = tokenGradient(model, () => real(20));
        expect(gradient(20)).toBe(0);
        for (const id of words.flat()) expect(gradient(id)).toBeGreaterThan(1e-8);
      },
    );

    test('a row of padding alone has finite outputs and gradients, and leaves the other rows alone', () => {
      using model = make();
      const ids = tokensFor(model);
      const attentionMask = tensor2d([...new Array<number>(seq).fill(0), ...new Array<number>(seq).fill(1)], [2, seq]);
      const targets = tensor2d(
        [...new Array<number>(seq).fill(-100), ...valuesOf(ids).slice(seq)],
        [batch, seq],
        'int32',
      );
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
    const block = Array.from({ length: seq }, (_, i) => (i < 4 ? 0 : i < 7 ? 1 : 2));
    const sameBlock = block.map((of) => block.map((other) => (of === other ? 1 : 0)));

    test('block-diagonal: sequences packed in one row are the sequences alone', () => {
      using model = make();
      const ids = tokensFor(model, { batch: 1 });
      const { first } = positions(model);
      const positionIds = tensor2d(
        [lengths.flatMap((length) => Array.from({ length }, (_, i) => first + i))],
        [1, seq],
        'int32',
      );
      const square = tensor3d([sameBlock], [1, seq, seq], 'int32');
      const packed = model.call(ids, { attentionMask: square, positionIds });
      let start = 0;
      for (const length of lengths) {
        const alone = model.call(slice(ids, [0, start], [1, length]));
        expectClose(part(packed, start, length), alone, { atol: 1e-5 });
        start += length;
      }
    });

    test('the same as [batch, 1, queries, keys] of true and false, and as numbers to add', () => {
      using model = make();
      const ids = tokensFor(model, { batch: 1 });
      const square = tensor3d([sameBlock], [1, seq, seq], 'int32');
      const expected = model.call(ids, { attentionMask: square });
      const flat = sameBlock.flat();
      const visible = tensor(flat, [1, 1, seq, seq], 'bool') as Tensor;
      for (const hidden of [-3.4028234663852886e38, -1e9, -Infinity]) {
        const added = tensor(
          flat.map((one) => (one ? 0 : hidden)),
          [1, 1, seq, seq],
        );
        expectClose(model.call(ids, { attentionMask: added as never }), expected, { atol: 1e-5 });
      }
      expectSameBits(model.call(ids, { attentionMask: visible as never }), expected);
    });

    test('of another shape are refused', async () => {
      using model = make();
      const ids = tokensFor(model);
      for (const shape of [[batch, seq + 1], [batch, seq, seq - 1], [batch * seq], [batch, 1, seq, seq + 1]]) {
        const attentionMask = randomTensor<Tensor2D>(shape);
        await expectError(() => model.call(ids, { attentionMask }), {
          code: 'shape',
          message: 'attentionMask must be',
        });
      }
    });
  });

  test('a row alone is the row in a batch; the order of rows is the order of outputs', () => {
    using model = make();
    const ids = tokensFor(model, { batch: 3 });
    const together = model.call(ids);
    const rows = [0, 1, 2].map((row) => slice(ids, [row, 0], [1, -1]));
    rows.forEach((row, i) => expectClose(model.call(row), slice(together, [i, 0, 0], [1, -1, -1]), { atol: 1e-5 }));
    expectClose(model.call(concat(rows.toReversed(), 0)), gather(together, [2, 1, 0]), { atol: 1e-5 });
  });

  test('attention maps: one for each layer, rows sum to 1, padding exactly 0, all else above', () => {
    using model = make();
    const ids = tokensFor(model);
    const attentionMask = tensor2d([...new Array<number>(seq).fill(1), 1, 1, 1, 1, 1, 1, 0, 0, 0], [2, seq], 'int32');
    const { value, attentions: maps } = capture(() => model.call(ids, { attentionMask }), ['attentions']);
    expect(maps).toHaveLength(layers(model).length);
    for (const map of maps) {
      expectClose(sum(map, 3), new Array<number>(map.size / seq).fill(1), { atol: 1e-6 });
      valuesOf(map).forEach((weight, i) => {
        const isPadding = i >= map.size / 2 && i % seq >= 6;
        expect(isPadding ? weight === 0 : weight > 0, `weight ${i}: ${weight}`).toBe(true);
      });
    }
    dispose([value, ...maps]);
  });
}

function largestDifference(left: Tensor, right: Tensor): number {
  const others = valuesOf(right);
  return Math.max(...valuesOf(left).map((value, i) => Math.abs(value - others[i]!)));
}
