import { defineConfig } from 'vitest/config';

/** Tests that any bare machine can run, in Node; the other tiers have configurations of their own. */
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'apps/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'],
    exclude: ['**/*.browser.test.ts', '**/*.page.test.ts', '**/*.long.test.ts', '**/*.webgpu.test.ts'],
    setupFiles: ['packages/testing/src/same-examples.ts'],
    // For hangs alone: on a machine that is busy with other things, whole seconds become minutes.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
