import type { EngineFactory } from '@formers/backend';

/** Options of {@link webgpu}. */
export interface WebGPUOptions {
  /** Where adapters come from; default `navigator.gpu`, in Node the package `webgpu` (Dawn) where it is installed. */
  readonly gpu?: GPU;
  /** Which of several GPUs; default the fast one. */
  readonly powerPreference?: GPUPowerPreference;
}

/**
 * The GPU engine: fused WebGPU kernels, as the tfjs backend `formers-webgpu`. Values are read by `await tensor.data()`; `dataSync()` works in browsers only.
 *
 * @example
 * const { device, features } = await useBackend(webgpu(), simd(), cpu());
 */
export function webgpu(options: WebGPUOptions = {}): EngineFactory {
  return {
    name: 'formers-webgpu',
    start: async () => {
      const { startWebGPU } = await import('./start.ts');
      return startWebGPU(options);
    },
  };
}
