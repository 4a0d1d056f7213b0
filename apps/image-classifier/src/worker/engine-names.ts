/** What the page can compute on, the fastest first, by the names that the visitor chooses from. */
export const ENGINE_LABELS = {
  webgpu: 'WebGPU',
  'simd-threads': 'SIMD with threads',
  simd: 'SIMD',
  cpu: 'JavaScript',
} as const;

/** An engine of the page. */
export type EngineId = keyof typeof ENGINE_LABELS;

/** An engine, or `auto`: the fastest that starts. */
export type EngineChoice = EngineId | 'auto';
