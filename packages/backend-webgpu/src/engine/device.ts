import { BackendError } from '@formers/backend';

import type { WebGPUOptions } from '../webgpu.ts';

/** Features that the engine uses where an adapter has them. */
const FEATURES = ['subgroups', 'shader-f16', 'timestamp-query'] as const;

/** Limits that are raised to what the adapter has. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** A device with what is known of the adapter behind it. */
export interface Device {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  readonly features: readonly string[];
}

/** Dawn stops answering when what made a device is collected as garbage before it. */
const sources = new WeakMap<GPUDevice, GPU>();

/** Requests a device with everything that the engine can use. Throws, with the reason in words, where there is none. */
export async function requestDevice({ gpu, powerPreference = 'high-performance' }: WebGPUOptions): Promise<Device> {
  const source = gpu ?? globalThis.navigator?.gpu ?? (await dawn());
  provide(source);
  const adapter = await source.requestAdapter({ powerPreference });
  if (!adapter) throw new BackendError('WebGPU is there, but no GPU that it can use');
  const features = FEATURES.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({
    requiredFeatures: [...features],
    requiredLimits: Object.fromEntries(LIMITS.map((limit) => [limit, adapter.limits[limit]])),
  });
  sources.set(device, source);
  return { device, info: adapter.info, features };
}

/** tfjs's backend looks for `navigator.gpu`. */
function provide(gpu: GPU): void {
  if (globalThis.navigator?.gpu) return;
  Object.defineProperty(globalThis.navigator, 'gpu', { value: gpu, configurable: true });
}

interface Dawn {
  create(flags: readonly string[]): GPU;
  readonly globals: object;
}

/** WebGPU in Node. */
async function dawn(): Promise<GPU> {
  if (typeof process === 'undefined' || !process.versions.node) throw new BackendError('this browser has no WebGPU');
  const name = 'webgpu'; // optional, so that bundlers must not look for it
  let module: Dawn;
  try {
    module = (await import(/* @vite-ignore */ name)) as Dawn;
  } catch {
    throw new BackendError('WebGPU in Node needs the package webgpu: npm install webgpu');
  }
  Object.assign(globalThis, module.globals);
  return module.create([]);
}
