import type { EngineFactory } from '@formers/backend';

/** Options of {@link simd}. */
export interface SimdOptions {
  /** Threads that compute, the calling one included; default the available cores, at most 8. Results don't depend on it. */
  threads?: number;
  /** Lets V8 compile the kernels to AVX2 (Node 23.5 or later on x86-64); default true. Off by itself when its self-test fails. */
  avx2?: boolean;
  /** Uses fused multiply-add where the machine has it; default true. Results differ in the last bits. */
  relaxedSimd?: boolean;
  /** Most memory to take, in bytes; default 4 GB, which is also the limit of WebAssembly. */
  maximumBytes?: number;
}

/**
 * The CPU engine: WebAssembly SIMD kernels with threads, as the tfjs backend `formers-simd`.
 *
 * @example
 * const { threads, features } = await useBackend(simd({ threads: 2 }), cpu());
 */
export function simd(options: SimdOptions = {}): EngineFactory {
  return {
    name: 'formers-simd',
    start: async () => {
      const { startSimd } = await import('./start.ts');
      return startSimd(options);
    },
  };
}
