import { defineConfig } from 'vitest/config';
import { softwareGPU } from './scripts/lib/software-gpu.ts';

/** Tests of the GPU engine in Node, on Dawn and the GPU in software that Chromium ships with. `pnpm test:webgpu` installs Dawn and runs them. */
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.webgpu.test.ts', 'apps/*/test/**/*.webgpu.test.ts'],
    exclude: ['**/*.long.webgpu.test.ts'],
    pool: 'forks', // the loader reads the variables when a process starts
    env: { ...softwareGPU() },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
