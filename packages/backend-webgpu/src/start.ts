import { activate, type EngineInfo } from '@formers/backend';
import { findBackendFactory, registerBackend, removeBackend } from '@tensorflow/tfjs-core';

import { requestDevice } from './engine/device.ts';
import type { WebGPUOptions } from './webgpu.ts';

const BACKEND_NAME = 'formers-webgpu';

/** Requests a device and registers the engine; throws where this machine can't run it. */
export async function startWebGPU(options: WebGPUOptions): Promise<EngineInfo> {
  const { device, info, features } = await requestDevice(options);
  // Both look for the device's globals when they are loaded.
  const [{ FormersWebGPUBackend }, { registerKernels }, { tuneTiles }] = await Promise.all([
    import('./backend.ts'),
    import('./kernels/register.ts'),
    import('./kernels/product/tune.ts'),
  ]);
  if (findBackendFactory(BACKEND_NAME)) removeBackend(BACKEND_NAME);
  registerKernels(BACKEND_NAME);
  const backend = new FormersWebGPUBackend(device, info);
  const { storage = 'f32' } = options;
  backend.storesHalves = storage === 'f16';
  registerBackend(BACKEND_NAME, () => backend, 2);
  await activate(BACKEND_NAME);
  const name = info.description || [info.vendor, info.architecture].filter(Boolean).join(' ') || 'WebGPU';
  const { tune = !/swiftshader|llvmpipe|software/i.test(`${name} ${info.architecture}`), store } = options;
  if (tune) backend.tiles = await tuneTiles(backend, { device: name, store });
  return {
    name: BACKEND_NAME,
    device: name,
    threads: 1,
    features: [...features, ...(storage === 'f16' ? ['f16 storage'] : [])],
  };
}
