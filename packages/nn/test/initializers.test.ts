import { RandomStream } from '@formers/backend';
import { describe, expect, test } from 'vitest';

import { fanInUniform, type Initializer, normal, ones, xavierUniform, zeros } from '../src/index.ts';

const stream = (seed = 1): RandomStream => new RandomStream(seed, 'init');

function statistics(values: Float32Array): { mean: number; std: number; max: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance), max: values.reduce((max, value) => Math.max(max, Math.abs(value)), 0) };
}

const [outDim, inDim] = [300, 50];

describe.each<[string, Initializer, { std: number; bound?: number }]>([
  ['normal(0.02)', normal(0.02), { std: 0.02 }],
  ['normal(1)', normal(1), { std: 1 }],
  ['fanInUniform', fanInUniform, { std: 1 / Math.sqrt(3 * inDim), bound: 1 / Math.sqrt(inDim) }],
  ['xavierUniform', xavierUniform, { std: Math.sqrt(2 / (inDim + outDim)), bound: Math.sqrt(6 / (inDim + outDim)) }],
])('%s', (_, init, { std, bound }) => {
  test.each([1, 2, 3])('has its mean and deviation within 5 percent, seed %i', (seed) => {
    const found = statistics(init([outDim, inDim], stream(seed)));
    expect(Math.abs(found.mean)).toBeLessThan((4 * std) / Math.sqrt(outDim * inDim));
    expect(Math.abs(found.std / std - 1)).toBeLessThan(0.05);
    if (bound !== undefined) {
      expect(found.max).toBeLessThanOrEqual(bound);
      expect(found.max).toBeGreaterThan(0.99 * bound);
    }
  });

  test('takes one key of the stream for each parameter, whatever its size', () => {
    const random = stream();
    const first = init([2, 2], random);
    expect(random.state.counter).toBe(1);
    expect(init([2, 2], random)).not.toEqual(first);
    expect(init([2, 2], stream())).toEqual(first);
  });

  test('without a stream the values are zeros', () => {
    expect(init([2, 3], null)).toEqual(new Float32Array(6));
  });
});

test('zeros and ones', () => {
  expect(zeros([2, 2], stream())).toEqual(new Float32Array(4));
  expect(ones([3], null)).toEqual(Float32Array.of(1, 1, 1));
  expect(ones([], null)).toEqual(Float32Array.of(1));
});
