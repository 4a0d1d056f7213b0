import type { MultiHeadAttention } from '@formers/attention';
import { capture, valueAndGradients } from '@formers/backend';
import type { AnyModule } from '@formers/nn';
import {
  add,
  dispose,
  gather,
  matMul,
  mean,
  mul,
  reshape,
  slice,
  softmax,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tile,
  type Variable,
  zerosLike,
} from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { expectClose, valuesOf } from '../close.ts';
import { randomTensor } from '../random-tensor.ts';

const [batch, seq] = [2, 5];

/** What {@link selfAttentionProperties} has to know. */
export interface SelfAttentionSubject<Model extends AnyModule> {
  readonly create: (options: { seed: number; initStd: number }) => Model;
  /** The attention of each layer. */
  readonly attentions: (model: Model) => readonly MultiHeadAttention[];
  /** Calls the model with inputs that hold no padding. */
  readonly run: (model: Model) => Tensor;
}

/** The bidirectional attention of a model, layer by layer: its weights, its scale and its heads. */
export function selfAttentionProperties<Model extends AnyModule>({
  create,
  attentions,
  run,
}: SelfAttentionSubject<Model>): void {
  /** The attention of the last layer, with biases that aren't zero, and something to attend to. */
  const subjectOf = (model: Model): { attention: MultiHeadAttention; x: Tensor3D; parameters: Variable[] } => {
    const attention = attentions(model).at(-1) as MultiHeadAttention;
    const parameters = [attention.query, attention.key, attention.value, attention.output].flatMap(
      ({ weight, bias }): Variable[] => (bias ? [weight, bias] : [weight]),
    );
    parameters.forEach((parameter, i) => {
      if (parameter.rank === 1) parameter.assign(randomTensor(parameter.shape, { seed: i, std: 0.3 }));
    });
    return { attention, x: randomTensor<Tensor3D>([batch, seq, attention.query.weight.shape[1]]), parameters };
  };
  const make = (): Model => create({ seed: 1, initStd: 0.3 });

  describe('attention', () => {
    test('maps of every layer: rows sum to 1, every token is seen', () => {
      using model = make();
      const { value, attentions: maps } = capture(() => run(model), ['attentions']);
      expect(maps).toHaveLength(attentions(model).length);
      for (const map of maps) {
        const tokens = map.shape[3]!;
        expectClose(sum(map, 3), new Array<number>(map.size / tokens).fill(1), { atol: 1e-6 });
        expect(valuesOf(map).every((weight) => weight > 0)).toBe(true);
      }
      dispose([value, ...maps]);
    });

    test('does not see what is added to all scores of a query, as a bias of the keys is', () => {
      using model = make();
      const { attention, x } = subjectOf(model);
      const before = attention.call(x);
      const { bias } = attention.key;
      expect(bias, 'the bias of the keys').toBeDefined();
      bias!.assign(add(bias!, randomTensor<Tensor1D>(bias!.shape, { seed: 9 })));
      expectClose(attention.call(x), before, { rtol: 1e-5, atol: 1e-5 });
    });

    test('scores beyond ±10,000 leave outputs and gradients finite', () => {
      using model = make();
      const { attention, x, parameters } = subjectOf(model);
      attention.query.weight.assign(mul(attention.query.weight, 1e5));
      const scores = valuesOf(scoresOf(attention, x));
      expect(Math.min(Math.max(...scores), -Math.min(...scores))).toBeGreaterThan(1e4);
      const { value, gradients } = valueAndGradients(() => sum(attention.call(x)), [x, ...parameters]);
      for (const tensor of [value, ...gradients]) expect(valuesOf(tensor).every(Number.isFinite)).toBe(true);
    });

    test('with queries of zero each output is the projected mean of the values', () => {
      using model = make();
      const { attention, x, parameters } = subjectOf(model);
      for (const variable of parameters.slice(0, 2)) variable.assign(zerosLike(variable)); // the queries' weight and bias
      const average = tile(mean(attention.value.call(x), 1, true) as Tensor3D, [1, seq, 1]); // [batch, seq, dim]
      expectClose(attention.call(x), attention.output.call(average), { rtol: 1e-5, atol: 1e-6 });
    });

    test('scores are divided by √headDim', () => {
      using model = make();
      const { attention, x } = subjectOf(model);
      const { value, attentions: maps } = capture(() => attention.call(x), ['attentions']);
      const [found, scores] = [valuesOf(maps[0]!), valuesOf(scoresOf(attention, x))];
      const headDim = attention.query.weight.shape[0] / attention.numHeads;
      found.forEach((weight, i) => {
        const first = i - (i % seq); // of the same query
        const difference = (scores[i]! - scores[first]!) / Math.sqrt(headDim);
        expect(Math.log(weight / found[first]!)).toBeCloseTo(difference, 4);
      });
      dispose([value, ...maps]);
    });

    test('heads may change places along with their columns of the output projection', () => {
      using model = make();
      const { attention, x } = subjectOf(model);
      const { query, key, value, output, numHeads } = attention;
      const headDim = query.weight.shape[0] / numHeads;
      const rows = Array.from({ length: query.weight.shape[0] }, (_, i) => (i + headDim) % query.weight.shape[0]);
      const before = attention.call(x);
      for (const { weight, bias } of [query, key, value]) {
        weight.assign(gather(weight as Tensor as Tensor2D, rows));
        bias!.assign(gather(bias as Tensor as Tensor1D, rows));
      }
      expect(numHeads).toBeGreaterThan(1);
      const broken = valuesOf(attention.call(x)).map((number, i) => Math.abs(number - valuesOf(before)[i]!));
      expect(Math.max(...broken)).toBeGreaterThan(0.01);
      output.weight.assign(gather(output.weight as Tensor as Tensor2D, rows, 1));
      expectClose(attention.call(x), before, { rtol: 1e-5, atol: 1e-5 });
    });

    test('is the sum of its heads through their parts of the output projection, with the same gradients', () => {
      using model = make();
      const { attention, x, parameters } = subjectOf(model);
      const weights = randomTensor(x.shape, { seed: 5 });
      const gradientsOf = (f: () => Tensor): Tensor[] =>
        valueAndGradients(() => sum(mul(f(), weights)), [x, ...parameters]).gradients;
      expectClose(attention.call(x), byHeads(attention, x), { rtol: 1e-5, atol: 1e-5 });
      const expected = gradientsOf(() => byHeads(attention, x));
      gradientsOf(() => attention.call(x)).forEach((gradient, i) =>
        expectClose(gradient, expected[i]!, { rtol: 1e-4, atol: 1e-4 }),
      );
    });
  });
}

/** What one head's part of a projection makes of x: [batch, seq, dim] to [batch, seq, headDim]. */
function headOf(
  { weight, bias }: MultiHeadAttention['query'],
  { x, head, headDim }: { x: Tensor3D; head: number; headDim: number },
): Tensor3D {
  const rows = slice(weight as Tensor as Tensor2D, [head * headDim, 0], [headDim, -1]); // [headDim, dim]
  const flat = matMul(reshape(x as Tensor, [batch * seq, -1]) as Tensor2D, rows, false, true); // [batch * seq, headDim]
  return reshape(add(flat, slice(bias as Tensor as Tensor1D, [head * headDim], [headDim])), [batch, seq, headDim]);
}

/** Scores before the division: [batch, heads, seq, seq] in order, as a flat list. */
function scoresOf({ query, key, numHeads }: MultiHeadAttention, x: Tensor3D): number[] {
  const headDim = query.weight.shape[0] / numHeads;
  const heads = Array.from({ length: numHeads }, (_, head) => {
    const part = { x, head, headDim };
    return valuesOf(matMul(headOf(query, part), headOf(key, part), false, true)); // [batch, seq, seq]
  });
  const size = seq * seq;
  return Array.from({ length: batch }, (_, row) =>
    heads.flatMap((scores) => scores.slice(row * size, (row + 1) * size)),
  ).flat();
}

/** Attention by Vaswani et al. 2017, equation 1, head by head, in plain operations. */
function byHeads({ query, key, value, output, numHeads }: MultiHeadAttention, x: Tensor3D): Tensor3D {
  const dim = query.weight.shape[0];
  const headDim = dim / numHeads;
  let total: Tensor = output.bias as Tensor; // [dim]
  for (let head = 0; head < numHeads; head++) {
    const part = { x, head, headDim };
    const scores = mul(matMul(headOf(query, part), headOf(key, part), false, true), 1 / Math.sqrt(headDim));
    const attended = matMul(softmax(scores), headOf(value, part)); // [batch, seq, headDim]
    const columns = slice(output.weight as Tensor as Tensor2D, [0, head * headDim], [-1, headDim]); // [dim, headDim]
    total = add(total, matMul(reshape(attended, [batch * seq, headDim]) as Tensor2D, columns, false, true)); // [batch * seq, dim]
  }
  return reshape(total, [batch, seq, dim]);
}
