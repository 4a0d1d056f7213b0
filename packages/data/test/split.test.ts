import { ConfigError } from '@formers/backend';
import { describe, expect, it } from 'vitest';

import { shuffledIndices, splitItems } from '../src/index.ts';

describe('splitItems', () => {
  const items = Array.from({ length: 20 }, (_, i) => `item ${i}`);

  it('holds out the last part, or random items that stay in order', () => {
    expect(splitItems(items, { validation: 0.25 })).toEqual({ train: items.slice(0, 15), validation: items.slice(15) });
    const { train, validation } = splitItems(items, { validation: 0.25, seed: 1 });
    expect([train.length, validation.length]).toEqual([15, 5]);
    expect([...train, ...validation].toSorted()).toEqual(items.toSorted());
    expect(validation).toEqual(items.filter((item) => validation.includes(item)));
    expect(validation).not.toEqual(items.slice(15));
    expect(splitItems(items, { validation: 0.25, seed: 1 }).validation).toEqual(validation);
    expect(splitItems(items, { validation: 0.25, seed: 2 }).validation).not.toEqual(validation);
  });

  it('refuses empty sides', () => {
    expect(() => splitItems(['one'], { validation: 0.5 })).toThrow('1 items leave one side empty');
    expect(() => splitItems(items, { validation: 0 })).toThrow(ConfigError);
    expect(() => splitItems(items, { validation: NaN })).toThrow(ConfigError);
  });
});

describe('shuffledIndices', () => {
  it('is a permutation that depends on seed and epoch', () => {
    const order = shuffledIndices(100, { seed: 1 });
    expect(order.toSorted()).toEqual(Uint32Array.from({ length: 100 }, (_, i) => i));
    expect(shuffledIndices(100, { seed: 1 })).toEqual(order);
    expect(shuffledIndices(100, { seed: 1, epoch: 1 })).not.toEqual(order);
    expect(shuffledIndices(100, { seed: 2 })).not.toEqual(order);
  });
});
