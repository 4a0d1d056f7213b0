import { defineConfig } from 'vitest/config';
import { softwareGPU } from './scripts/lib/software-gpu.ts';

/** LONG_TESTS=1 runs those that take minutes, and only those. */
const long = process.env['LONG_TESTS'] ? 'long.' : '';

/** Tests of the GPU engine in Node, on Dawn and the GPU in software that Chromium ships with. `pnpm test:webgpu` installs Dawn and runs them. */
export default defineConfig({
  test: {
    include: ['packages', 'apps'].map((folder) => `${folder}/*/test/**/*.${long}webgpu.test.ts`),
    exclude: long ? [] : ['**/*.long.webgpu.test.ts'],
    pool: 'forks', // the loader reads the variables when a process starts
    env: { ...softwareGPU() },
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
