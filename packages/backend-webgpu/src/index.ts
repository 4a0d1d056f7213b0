export { GPUError, GPUOutOfMemoryError } from './errors.ts';
export { webgpu, type WebGPUOptions } from './webgpu.ts';
