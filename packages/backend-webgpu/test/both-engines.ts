import { cpu, useBackend } from '@formers/backend';

import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

/** What `run` gives on tfjs's plain engine, and then on the GPU, which stays the active one. */
export async function onBothEngines<T>(run: () => T | Promise<T>, gpu?: GPU): Promise<{ plain: T; gpu: T }> {
  await useBackend(cpu());
  const plain = await run();
  await useBackend(webgpu({ gpu: gpu ?? (await dawn()) }));
  return { plain, gpu: await run() };
}

/** The GPU as one that allows shaders no more than every GPU does: 8 storage buffers, 16 KB of shared memory. */
export async function leastGPU(): Promise<GPU> {
  const gpu = await dawn();
  const requestAdapter = async () => {
    const adapter = await gpu.requestAdapter();
    if (!adapter) return null;
    const least: Record<PropertyKey, number> = {
      maxStorageBuffersPerShaderStage: 8,
      maxComputeWorkgroupStorageSize: 16_384,
    };
    const limits = new Proxy(adapter.limits, { get: (real, name) => least[name] ?? Reflect.get(real, name, real) });
    return {
      features: adapter.features,
      info: adapter.info,
      limits,
      requestDevice: async (descriptor: GPUDeviceDescriptor) => adapter.requestDevice(descriptor),
    } as unknown as GPUAdapter;
  };
  return { requestAdapter } as unknown as GPU;
}
