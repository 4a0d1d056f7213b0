import { engine } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { useEngineForTests } from '../../testing/src/engine.ts';
import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';
import { TILES } from '../src/kernels/product/tiles.ts';
import { tuneTiles, worthwhile } from '../src/kernels/product/tune.ts';
import { dawn } from './dawn.ts';

useEngineForTests(webgpu({ gpu: await dawn() }));

test('tiles are measured once for a device, and remembered', async () => {
  const backend = engine().backend as unknown as FormersWebGPUBackend;
  const kept = new Map<string, string>();
  const store = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  const before = backend.numDataIds();
  const options = { device: 'a GPU', store, size: 32, rounds: 1 };
  const tiles = await tuneTiles(backend, options);
  expect(tiles[0]).toBe(TILES[0]);
  expect([...kept.values()]).toEqual([tiles.map(({ name }) => name).join()]);
  const { dispatches } = backend.figures;
  expect(await tuneTiles(backend, options)).toEqual(tiles);
  expect(backend.figures.dispatches).toBe(dispatches);
  expect(backend.numDataIds()).toBe(before);
});

test('a GPU in software is not measured, and has all tiles', () => {
  expect((engine().backend as unknown as FormersWebGPUBackend).tiles).toBe(TILES);
});

test('the fastest tile is kept, smaller ones that are not slow, and the smallest', () => {
  expect(worthwhile([4, 3, 1.5, 1])).toEqual([TILES[0], TILES[2], TILES[3]]);
  expect(worthwhile([2, 1, 3, 3])).toEqual([TILES[0], TILES[1]]);
  expect(worthwhile([1, 2, 2, 2])).toEqual([TILES[0]]);
});
