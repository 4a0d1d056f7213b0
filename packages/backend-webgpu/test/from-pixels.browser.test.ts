import { useBackend } from '@formers/backend';
import { browser, engine } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import type { FormersWebGPUBackend } from '../src/backend.ts';
import { webgpu } from '../src/index.ts';

test('fromPixels: pictures of a page', async () => {
  await useBackend(webgpu());
  const canvas = new OffscreenCanvas(2, 1);
  const context = canvas.getContext('2d')!;
  context.fillStyle = 'rgb(255, 0, 0)';
  context.fillRect(0, 0, 1, 1);
  context.fillStyle = 'rgb(0, 128, 255)';
  context.fillRect(1, 0, 1, 1);
  const { bufferManager } = engine().backend as unknown as FormersWebGPUBackend;
  const used: number[] = [];
  for (let i = 0; i < 3; i++) {
    const pixels = browser.fromPixels(await createImageBitmap(canvas));
    expect(pixels.shape).toEqual([1, 2, 3]);
    expect([...(await pixels.data())]).toEqual([255, 0, 0, 0, 128, 255]);
    pixels.dispose();
    used.push(bufferManager.getNumUsedBuffers());
  }
  expect(new Set(used).size, 'buffers that are left behind').toBe(1);
});
