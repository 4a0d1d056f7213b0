import { linear, useBackend } from '@formers/backend';
import { add, engine, fill, memory, mul, ones, type Rank, slice, tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import { OutOfMemoryError, simd } from '../src/index.ts';
import { Allocator } from '../src/engine/allocator.ts';

const MEGABYTE = 2 ** 20;

/** `tf.memory()` with what our backend adds. */
function figures(): Record<'numBytesLive' | 'numBytesPeak' | 'numBytesPooled' | 'numBytesReserved', number> {
  return memory() as unknown as ReturnType<typeof figures>;
}

describe('tensors in the memory of the engine', () => {
  test('out of memory is a typed error, live tensors stay, and freed memory is used again', async () => {
    await useBackend(simd({ threads: 1, maximumBytes: 64 * MEGABYTE }));
    const kept = tensor([1, 2, 3]);
    const large = fill([8 * MEGABYTE], 2); // 32 MB
    let error: unknown;
    try {
      add(large, 1);
    } catch (thrown) {
      error = thrown;
    }
    expect(OutOfMemoryError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ code: 'backend', name: 'OutOfMemoryError' });
    expect([...kept.dataSync()]).toEqual([1, 2, 3]);
    expect(large.dataSync().at(-1)).toBe(2);
    large.dispose();
    const again = tidy(() => slice(mul(fill([6 * MEGABYTE], 3), 1), 0, 2));
    expect([...again.dataSync()]).toEqual([3, 3]);
    kept.dispose();
    again.dispose();
  });

  test('a kernel that fails half-way frees what it took', async () => {
    await useBackend(simd({ threads: 1, maximumBytes: 64 * MEGABYTE }));
    const x = ones<Rank.R2>([900_000, 8]); // 29 MB
    const weight = ones<Rank.R2>([6, 8]);
    const before = figures().numBytesLive;
    expect(() => linear(x, weight, { activation: 'gelu' })).toThrow(OutOfMemoryError); // 22 MB each for output and pre-activation
    expect(figures().numBytesLive).toBe(before);
    x.dispose();
    weight.dispose();
  });

  test('what dataSync and data give is a copy in a buffer of its own', async () => {
    await useBackend(simd({ threads: 2 }));
    const x = tensor([1, 2, 3]);
    const values = x.dataSync();
    expect(values.buffer).toBeInstanceOf(ArrayBuffer);
    expect((await x.data()).buffer).toBeInstanceOf(ArrayBuffer);
    values[0] = 9;
    expect([...x.dataSync()]).toEqual([1, 2, 3]);
    x.dispose();
  });

  test('an array that a tensor was made from may change afterwards', async () => {
    const array = Float32Array.of(1, 2);
    const x = tensor(array);
    array[0] = 5;
    expect([...x.dataSync()]).toEqual([1, 2]);
    x.dispose();
  });

  test('threads must be a number of threads', async () => {
    await expect(useBackend(simd({ threads: 0 }))).rejects.toThrow(/whole number from 1 to 64, got 0/);
    await useBackend(simd({ threads: 1 }));
  });

  test('tf.memory says what is live and what is pooled', () => {
    const before = figures();
    const x = ones([1000, 1000]);
    expect(figures().numBytesLive - before.numBytesLive).toBeGreaterThanOrEqual(4e6);
    x.dispose();
    const after = figures();
    expect(after.numBytesLive).toBe(before.numBytesLive);
    expect(after.numBytesPooled).toBeGreaterThanOrEqual(4e6);
    expect(after.numBytesReserved).toBeGreaterThanOrEqual(after.numBytesPeak);
    expect(engine().backendName).toBe('formers-simd');
  });
});

describe('Allocator', () => {
  function allocator(limit = Infinity) {
    const memory = {
      size: 0,
      grow(bytes: number) {
        if (memory.size + bytes > limit) return false;
        memory.size += bytes;
        return true;
      },
    };
    return { memory, allocator: new Allocator(memory, 0) };
  }

  test('blocks are aligned and never overlap, whatever is freed in between', () => {
    const { allocator: blocks } = allocator();
    const live = new Map<number, number>();
    let state = 1;
    const random = (bound: number) => {
      state = (state * 48_271) % 2_147_483_647;
      return state % bound;
    };
    for (let round = 0; round < 5000; round++) {
      if (live.size > 0 && random(5) < 2) {
        const address = [...live.keys()][random(live.size)] as number;
        blocks.free(address);
        live.delete(address);
        continue;
      }
      const size = 1 + random(random(2) ? 100 : 100_000);
      const address = blocks.allocate(size);
      expect(address % 64).toBe(0);
      const overlaps = [...live].filter(([other, length]) => address < other + length && other < address + size);
      if (overlaps.length > 0) expect.fail(`${address} + ${size} overlaps ${JSON.stringify(overlaps)}`);
      live.set(address, size);
    }
  });

  test('memory of many small blocks serves one large one', () => {
    const { allocator: blocks } = allocator(1_000_000);
    const small = Array.from({ length: 900 }, () => blocks.allocate(1000));
    for (const address of small) blocks.free(address);
    expect(() => blocks.allocate(800_000)).not.toThrow();
    expect(blocks.figures).toMatchObject({ pooled: expect.any(Number) as number });
  });

  test('the same sizes again take no more memory', () => {
    const { allocator: blocks, memory } = allocator();
    const once = () =>
      [100, 5000, 123_456, 5000].map((size) => blocks.allocate(size)).forEach((address) => blocks.free(address));
    once();
    const { size } = memory;
    for (let i = 0; i < 100; i++) once();
    expect(memory.size).toBe(size);
  });
});
