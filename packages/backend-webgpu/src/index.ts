export { GPUError, GPUOutOfMemoryError } from './errors.ts';
export type { TileStore } from './kernels/product/tune.ts';
export { type StoragePrecision, webgpu, type WebGPUOptions } from './webgpu.ts';
