import { defineConfig } from 'vitest/config';

/** Tests that take minutes: kills at every write, long fuzzing, whole recipes. Run by hand. */
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.long.test.ts', 'apps/*/test/**/*.long.test.ts'],
    passWithNoTests: true,
    testTimeout: 30 * 60_000,
  },
});
