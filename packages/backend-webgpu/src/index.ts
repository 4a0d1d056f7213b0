export { GPUError, GPUOutOfMemoryError } from './errors.ts';
export type { TileStore } from './kernels/product/tune.ts';
export { webgpu, type WebGPUOptions } from './webgpu.ts';
