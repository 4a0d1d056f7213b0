import type { EngineFactory } from '@formers/backend';

import type { TileStore } from './kernels/product/tune.ts';

/** How large tensors are stored; see {@link WebGPUOptions}. */
export type StoragePrecision = 'f32' | 'f16';

/** Options of {@link webgpu}. */
export interface WebGPUOptions {
  /** Where adapters come from; default `navigator.gpu`, in Node the package `webgpu` (Dawn) where it is installed. */
  readonly gpu?: GPU;
  /** Which of several GPUs; default the fast one. */
  readonly powerPreference?: GPUPowerPreference;
  /** Whether to measure at the start, in some tens of milliseconds, which tiles suit this GPU; default yes, but not for GPUs in software. Results don't depend on it. */
  readonly tune?: boolean;
  /**
   * `f16` stores in half precision what takes most memory: what layers put out for their gradients, and weights that aren't trained. All is computed in float32, and weights
   * in training, gradients, losses, logits and sums over layers stay float32. Default `f32`.
   */
  readonly storage?: StoragePrecision;
  /** Where what was measured is remembered, such as `localStorage`. */
  readonly store?: TileStore;
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
