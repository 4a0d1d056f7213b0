import { beforeAll, expect, test } from 'vitest';

import { bundleSuite, runConformance } from '../scripts/conformance.ts';

beforeAll(bundleSuite);

test.each([1, 2])(
  "tfjs-core's own tests pass with %i thread(s)",
  async (threads) => {
    const { passed, failed, kernels } = await runConformance(threads);
    expect(failed).toEqual([]);
    expect(passed).toBeGreaterThan(4200);
    expect(kernels['BatchMatMul']?.ours).toBeGreaterThan(0);
  },
  240_000,
);
