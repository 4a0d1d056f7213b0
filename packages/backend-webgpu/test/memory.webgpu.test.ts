import { gelu, useBackend } from '@formers/backend';
import { engine, fill, mul, ones, tensor, tidy, time } from '@tensorflow/tfjs-core';
import { beforeEach, describe, expect, test } from 'vitest';

import type { FormersWebGPUBackend } from '../src/backend.ts';
import { BufferPool } from '../src/engine/buffer-pool.ts';
import { GPUOutOfMemoryError, webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

const backend = () => engine().backend as unknown as FormersWebGPUBackend;

describe('memory of the GPU', () => {
  beforeEach(async () => {
    await useBackend(webgpu({ gpu: await dawn() }));
  });

  test('a tensor larger than the device allows is refused with its size and the limit; those that live stay intact', async () => {
    const x = gelu(tensor([1, 2]));
    const { maxBufferSize, maxStorageBufferBindingSize } = backend().device.limits;
    const size = Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4 + 1;
    let error: unknown;
    try {
      tidy(() => fill([size], 1));
    } catch (thrown) {
      error = thrown;
    }
    expect(GPUOutOfMemoryError.isInstance(error)).toBe(true);
    expect((error as GPUOutOfMemoryError).wantedBytes).toBe(4 * size);
    expect((error as GPUOutOfMemoryError).message).toContain('larger than this GPU allows');
    expect((await x.data())[0]).toBeCloseTo(0.8413, 4);
    x.dispose();
  });

  test('a failed allocation is told at the next operation or read, once', async () => {
    const x = gelu(tensor([1, 2]));
    const { device } = backend();
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => createBuffer({ ...descriptor, size: 2 ** 52 }); // what no machine has
    const use = async () => {
      const y = tidy(() => gelu(mul(x, x)));
      try {
        return await y.data();
      } finally {
        y.dispose();
      }
    };
    await expect(use()).rejects.toThrow(/formers-webgpu/);
    device.createBuffer = createBuffer;
    await expect(use()).resolves.toHaveLength(2);
    x.dispose();
  });

  test('buffers of tensors that are gone are reused, and given back when much less is in use than before', async () => {
    const { bufferManager: pool } = backend();
    const work = async (size: number) => {
      const y = tidy(() => gelu(gelu(ones([size]))));
      await y.data();
      y.dispose();
    };
    await work(2 ** 20);
    const once = pool.numBytesAllocated;
    for (let i = 0; i < 5; i++) await work(2 ** 20);
    expect(pool.numBytesAllocated).toBe(once);
    for (let i = 1; i < 40; i++) await work(2 ** 20 + 1024 * i); // sizes that never come again
    expect(pool.numBytesAllocated).toBeLessThan(2 * once + 64 * 2 ** 20);
    expect(pool.numBytesUsed).toBeLessThan(2 ** 20);
  });

  test('operations that are timed leave nothing behind', async () => {
    const x = gelu(ones([3, 5])); // on the device: what the host knows is multiplied there
    const timed = async (): Promise<number> => {
      await time(() => tidy(() => void mul(x, x)));
      await x.data(); // submits what is recorded
      return backend().bufferManager.getNumUsedBuffers();
    };
    await timed();
    const once = await timed();
    for (let i = 0; i < 3; i++) expect(await timed()).toBe(once);
    x.dispose();
  });

  test('what a step needs in turn is kept for the next step, though it is never in use at once', () => {
    const pool = new BufferPool(backend().device);
    const made: GPUBuffer[] = [];
    const step = (sizes: readonly number[]): void => {
      for (const size of sizes) {
        const buffer = pool.acquireBuffer(size * 2 ** 20, GPUBufferUsage.STORAGE);
        if (!made.includes(buffer)) made.push(buffer);
        pool.releaseBuffer(buffer);
      }
      pool.trim();
    };
    for (let i = 0; i < 5; i++) step([40, 41, 42, 43]);
    expect(made).toHaveLength(4);
    expect(pool.numBytesAllocated).toBe(166 * 2 ** 20);
    for (let i = 0; i < 5; i++) step([30]);
    expect(made).toHaveLength(5);
    expect(pool.numBytesAllocated).toBeLessThan((1.25 * 43 + 64) * 2 ** 20);
    pool.dispose();
  });
});
