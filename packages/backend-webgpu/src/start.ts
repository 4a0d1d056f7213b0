import { activate, type EngineInfo } from '@formers/backend';
import { findBackendFactory, registerBackend, removeBackend } from '@tensorflow/tfjs-core';

import { requestDevice } from './engine/device.ts';
import type { WebGPUOptions } from './webgpu.ts';

const BACKEND_NAME = 'formers-webgpu';

/** Requests a device and registers the engine; throws where this machine can't run it. */
export async function startWebGPU(options: WebGPUOptions): Promise<EngineInfo> {
  const { device, info, features } = await requestDevice(options);
  // Both look for the device's globals when they are loaded.
  const [{ FormersWebGPUBackend }, { registerKernels }] = await Promise.all([
    import('./backend.ts'),
    import('./kernels/register.ts'),
  ]);
  if (findBackendFactory(BACKEND_NAME)) removeBackend(BACKEND_NAME);
  registerKernels(BACKEND_NAME);
  registerBackend(BACKEND_NAME, () => new FormersWebGPUBackend(device, info), 2);
  await activate(BACKEND_NAME);
  const name = info.description || [info.vendor, info.architecture].filter(Boolean).join(' ') || 'WebGPU';
  return { name: BACKEND_NAME, device: name, threads: 1, features };
}
