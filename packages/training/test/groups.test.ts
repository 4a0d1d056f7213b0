import { ConfigError, cpu, useBackend } from '@formers/backend';
import { add, addN, mul, type Scalar, sum, tensor1d, tensor2d, type Variable, variable } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { AdamW, freeze, layerwiseDecay, Muon, SGD, unfreeze } from '../src/index.ts';
import { ToyModel, weightsOf } from './toy-model.ts';

/** Parameters of two numbers each, whose gradients are all ones. */
function ones(...paths: string[]): { model: { namedParameters(): Map<string, Variable> }; loss: () => Scalar } {
  const parameters = new Map(paths.map((path) => [path, variable(tensor1d([1, 2]))]));
  const loss = () => addN([...parameters.values()].map((p) => sum(p))) as Scalar;
  return { model: { namedParameters: () => parameters }, loss };
}

const values = (model: { namedParameters(): Map<string, Variable> }): Record<string, number[]> =>
  Object.fromEntries(
    [...model.namedParameters()].map(([path, p]) => [path, Array.from(p.dataSync(), (v) => Math.round(v * 1e4) / 1e4)]),
  );

describe('parameter groups', () => {
  beforeAll(() => useBackend(cpu()));

  it('have rates and decays of their own, by the first that matches', () => {
    const { model, loss } = ones('a.weight', 'b.weight', 'b.bias', 'c.weight');
    using optimizer = new SGD(model, {
      learningRate: (step) => (step === 0 ? 0.1 : 0.2),
      groups: [
        { match: /^b\.bias$/, learningRate: 0.5 },
        { match: /^b\./, learningRateFactor: 0.1, weightDecay: 1 },
        { match: (path) => path === 'c.weight', learningRate: 0 },
      ],
    });
    optimizer.minimize(loss);
    expect(values(model)).toEqual({
      'a.weight': [0.9, 1.9],
      'b.weight': [1 - 0.01 * 2, 2 - 0.01 * 3], // gradient 1 + decay 1 · value
      'b.bias': [0.5, 1.5],
      'c.weight': [1, 2],
    });
    optimizer.minimize(loss);
    expect(values(model)['a.weight']).toEqual([0.7, 1.7]);
  });

  it('refuses a rate that is none', () => {
    const { model } = ones('a');
    expect(() => new SGD(model, { learningRate: 1, groups: [{ match: /a/, learningRate: -1 }] })).toThrow(
      'Optimizer: groups[0].learningRate must be a number in [0, Infinity), got -1',
    );
  });

  it("gives Muon's other parameters the rate of AdamW", () => {
    const matrix = variable(tensor2d([[3, 0], [0, 4]])); // prettier-ignore
    const vector = variable(tensor1d([1, 1]));
    const model = {
      namedParameters: () =>
        new Map<string, Variable>([
          ['layers.0.w', matrix],
          ['v', vector],
        ]),
    };
    using optimizer = new Muon(model, { learningRate: 0.5, weightDecay: 0, adamW: { learningRate: 0.01 } });
    optimizer.minimize(() => add(sum(mul(matrix, matrix)), sum(vector)) as Scalar);
    expect(Array.from(vector.dataSync(), (v) => v.toFixed(5))).toEqual(['0.99000', '0.99000']);
    const [a = 0, b = 0, c = 0, d = 0] = matrix.dataSync();
    expect([b, c]).toEqual([0, 0]); // the singular vectors of diag(6, 8) are the axes
    for (const moved of [3 - a, 4 - d]) {
      expect(moved).toBeGreaterThan(0.5 * 0.68);
      expect(moved).toBeLessThan(0.5 * 1.2);
    }
  });
});

describe('freeze', () => {
  beforeAll(() => useBackend(cpu()));

  it('leaves parameters bit for bit as they are, and the others not', () => {
    using model = new ToyModel({ seed: 1 });
    const before = weightsOf(model);
    expect(freeze(model, /^(embedding|hidden)\./)).toEqual(['embedding.weight', 'hidden.weight', 'hidden.bias']);
    using optimizer = new AdamW(model, { learningRate: 0.1, weightDecay: 0.5 });
    const inputs = tensor2d([[1, 2, 3]], [1, 3], 'int32');
    const targets = tensor2d([[2, 3, 4]], [1, 3], 'int32');
    for (let step = 0; step < 5; step++) optimizer.minimize(() => model.loss({ inputs, targets }));
    const after = weightsOf(model);
    for (const path of before.keys())
      expect(Buffer.from(after.get(path)!.buffer).equals(Buffer.from(before.get(path)!.buffer)), path).toBe(
        !path.startsWith('output.'),
      );
    expect(unfreeze(model)).toHaveLength(5);
    expect(model.parameters().every(({ trainable }) => trainable)).toBe(true);
    inputs.dispose();
    targets.dispose();
  });

  it('says when nothing matches', () => {
    using model = new ToyModel();
    expect(() => freeze(model, /^encoder\./)).toThrow(ConfigError);
  });
});

describe('layerwiseDecay', () => {
  const factorsOf = (paths: string[]): Record<string, number> => {
    const parameters = new Map(paths.map((path) => [path, undefined as unknown as Variable]));
    const groups = layerwiseDecay({ namedParameters: () => parameters }, { rate: 0.5 });
    const isOf = (match: (typeof groups)[number]['match'], path: string): boolean =>
      typeof match === 'function' && match(path, undefined as unknown as Variable);
    return Object.fromEntries(
      paths.map((path) => [path, groups.find(({ match }) => isOf(match, path))?.learningRateFactor ?? NaN]),
    );
  };

  it('falls from the head to the embeddings', () => {
    expect(
      factorsOf([
        'encoder.tokens.weight',
        'encoder.layers.0.norm1.weight',
        'encoder.layers.1.norm1.weight',
        'encoder.norm.weight',
        'head.weight',
      ]),
    ).toEqual({
      'encoder.tokens.weight': 0.25,
      'encoder.layers.0.norm1.weight': 0.5,
      'encoder.layers.1.norm1.weight': 1,
      'encoder.norm.weight': 1,
      'head.weight': 1,
    });
  });

  it('falls in each stack by itself', () => {
    expect(
      factorsOf([
        'tokens.weight',
        'encoder.positions.weight',
        'encoder.layers.0.w',
        'decoder.positions.weight',
        'decoder.layers.0.w',
        'decoder.layers.1.w',
        'decoder.norm.weight',
      ]),
    ).toEqual({
      'tokens.weight': 0.25,
      'encoder.positions.weight': 0.5,
      'encoder.layers.0.w': 1,
      'decoder.positions.weight': 0.25,
      'decoder.layers.0.w': 0.5,
      'decoder.layers.1.w': 1,
      'decoder.norm.weight': 1,
    });
  });
});
