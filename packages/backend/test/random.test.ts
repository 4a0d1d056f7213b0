import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { normalValues, type RandomKey, randomKey, RandomStream, threefry2x32, uniformValues } from '../src/index.ts';

describe('threefry2x32', () => {
  // The known answers of Random123 (kat_vectors, threefry 2x32 with 20 rounds), which JAX tests against too.
  test.each<[key: RandomKey, counter: RandomKey, words: RandomKey]>([
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      [0xc4923a9c, 0x483df7a0],
    ],
  ])('key %o, counter %o', (key, counter, words) => {
    expect(threefry2x32(key, counter)).toEqual(words);
  });

  test('each bit of key and counter changes about half of the output', () => {
    let flipped = 0;
    let count = 0;
    for (let bit = 0; bit < 128; bit++) {
      const words = [1, 2, 3, 4];
      const [a, b] = [threefry2x32([1, 2], [3, 4]), [...words]];
      b[bit >> 5] = (b[bit >> 5]! ^ (1 << (bit & 31))) >>> 0;
      const c = threefry2x32([b[0]!, b[1]!], [b[2]!, b[3]!]);
      for (const i of [0, 1] as const) flipped += (a[i] ^ c[i]).toString(2).replaceAll(/[^1]/g, '').length;
      count++;
    }
    expect(count).toBe(128);
    expect(flipped).toBeGreaterThan(128 * 8);
  });
});

/** Pearson's chi squared of uniform numbers over equal bins. */
function chiSquared(values: ArrayLike<number>, bins: number): number {
  const counts = new Array<number>(bins).fill(0);
  for (let i = 0; i < values.length; i++) counts[Math.floor(values[i]! * bins)]!++;
  const expected = values.length / bins;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function meanOf(values: ArrayLike<number>, f: (value: number) => number = (value) => value): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += f(values[i]!);
  return sum / values.length;
}

describe.each([1, 2, 3])('values of seed %i', (seed) => {
  const key = randomKey(seed, 'test');

  test('uniform: flat over 64 bins, in [0, 1), exact in float32', () => {
    const values = uniformValues(key, 100_001);
    expect(values).toHaveLength(100_001);
    expect(values.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 24))).toBe(true);
    expect(chiSquared(values, 64)).toBeLessThan(110); // 63 degrees of freedom: p = 2e-4
    expect(meanOf(values)).toBeCloseTo(0.5, 2);
  });

  test('normal: mean 0, variance 1, no skew, kurtosis 3, tails', () => {
    const values = normalValues(key, 100_001);
    const sigma = 1 / Math.sqrt(values.length);
    expect(Math.abs(meanOf(values))).toBeLessThan(4 * sigma);
    expect(Math.abs(meanOf(values, (x) => x ** 2) - 1)).toBeLessThan(4 * Math.SQRT2 * sigma);
    expect(Math.abs(meanOf(values, (x) => x ** 3))).toBeLessThan(4 * Math.sqrt(15) * sigma);
    expect(Math.abs(meanOf(values, (x) => x ** 4) - 3)).toBeLessThan(4 * Math.sqrt(96) * sigma);
    expect(meanOf(values, (x) => Number(Math.abs(x) > 1.96))).toBeCloseTo(0.05, 2);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  test('neighbours are uncorrelated', () => {
    for (const values of [uniformValues(key, 50_000).map((value) => value - 0.5), normalValues(key, 50_000)]) {
      const variance = meanOf(values, (x) => x * x);
      for (const lag of [1, 2]) {
        const products = values.subarray(lag).map((value, i) => value * values[i]!);
        expect(Math.abs(meanOf(products) / variance)).toBeLessThan(4 / Math.sqrt(values.length));
      }
    }
  });
});

test('value i depends on the key and i alone, not on how many are made', () => {
  const key = randomKey(5, 'prefix');
  for (const values of [uniformValues, normalValues]) {
    const long = values(key, 101);
    for (const size of [0, 1, 2, 3, 50, 100]) expect(values(key, size)).toEqual(long.slice(0, size));
  }
});

test('uniform values are the high 24 bits of the two words', () => {
  const key: RandomKey = [0, 0];
  const [first, second] = threefry2x32(key, [0, 0]);
  expect([...uniformValues(key, 2)]).toEqual([Math.floor(first / 256) / 2 ** 24, Math.floor(second / 256) / 2 ** 24]);
});

describe('keys', () => {
  test('differ by seed, by stream, and by seeds beyond 32 bits', () => {
    const keys = [0, 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52].flatMap((seed) =>
      ['init', 'dropout', 'tini', 'Init', ''].map((stream) => randomKey(seed, stream).join()),
    );
    expect(new Set(keys).size).toBe(25);
  });

  test('are whole words', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.string(), (seed, stream) => {
        for (const word of randomKey(seed, stream)) expect(word).toBe(word >>> 0);
      }),
    );
  });
});

describe('RandomStream', () => {
  test('goes on from its state, wherever that was taken', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(200), (seed, skip) => {
        const stream = new RandomStream(seed, 'sampling');
        for (let i = 0; i < skip; i++)
          [() => stream.uniform(), () => stream.nextKey(), () => stream.normal()][i % 3]!();
        const copy = RandomStream.fromState(JSON.parse(JSON.stringify(stream.state)) as typeof stream.state);
        for (let i = 0; i < 5; i++)
          expect([copy.uniform(), copy.normal(), copy.nextKey(), copy.integer(10)]).toEqual([
            stream.uniform(),
            stream.normal(),
            stream.nextKey(),
            stream.integer(10),
          ]);
        expect(copy.state).toEqual(stream.state);
      }),
    );
  });

  test('streams of one seed are independent: using one does not move the other', () => {
    const [lonely, neighbour, used] = [new RandomStream(1, 'a'), new RandomStream(1, 'a'), new RandomStream(1, 'b')];
    const values = Array.from({ length: 2000 }, () => {
      const other = used.uniform();
      const value = neighbour.uniform();
      expect(value).toBe(lonely.uniform());
      return (value - 0.5) * (other - 0.5);
    });
    expect(Math.abs(meanOf(values)) * 12).toBeLessThan(4 / Math.sqrt(2000));
  });

  test('counters beyond 32 bits do not come round again', () => {
    const [low, high] = [new RandomStream(1, 'a', 0), new RandomStream(1, 'a', 2 ** 32)];
    expect(low.nextKey()).not.toEqual(high.nextKey());
    expect(high.state.counter).toBe(2 ** 32 + 1);
  });

  test('uniform has more bits than float32', () => {
    const stream = new RandomStream(1, 'bits');
    const values = Array.from({ length: 1000 }, () => stream.uniform());
    expect(values.filter((value) => Math.fround(value) !== value).length).toBeGreaterThan(950);
    expect(chiSquared(values, 16)).toBeLessThan(45); // 15 degrees of freedom
  });

  test('integers are equally likely, from 0 to the bound', () => {
    const stream = new RandomStream(3, 'integers');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 7000; i++) counts[stream.integer(7)]!++;
    expect(counts.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(27.9); // 6 degrees of freedom, p = 1e-4
  });

  test('shuffle is a permutation, each one equally likely, in arrays and typed arrays', () => {
    const stream = new RandomStream(4, 'shuffle');
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = stream.shuffle([1, 2, 3]).join('');
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect([...seen.keys()].toSorted()).toEqual(['123', '132', '213', '231', '312', '321']);
    expect([...seen.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(25.7); // 5 degrees of freedom, p = 1e-4
    const typed = stream.shuffle(Uint32Array.from({ length: 100 }, (_, i) => i));
    expect([...typed].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(stream.shuffle([])).toEqual([]);
  });
});

test.each([1, 4095, 4097, 9001])('number i of %i comes from counter i / 2, beyond a block, too', (size) => {
  const key = randomKey(7, 'blocks');
  const uniform = uniformValues(key, size);
  const normal = normalValues(key, size);
  expect([uniform.length, normal.length]).toEqual([size, size]);
  for (const i of [0, 1, 4094, 4095, 4096, 4097, 9000].filter((place) => place < size)) {
    const words = threefry2x32(key, [i >>> 1, 0]);
    expect(uniform[i]).toBe(((words[i % 2] as number) >>> 8) / 2 ** 24);
    const radius = Math.sqrt(-2 * Math.log((words[0] + 1) / 2 ** 32));
    const angle = (2 * Math.PI * words[1]) / 2 ** 32;
    expect(normal[i]).toBe(Math.fround(radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle))));
  }
});
