/**
 * What scripts/conformance.ts bundles and runs: tfjs-core's own tests (`@tensorflow/tfjs-core/dist/tests.js`) on the engine. Bundled because tfjs-core's
 * ES modules can't be imported by Node as they are.
 */
import { useBackend } from '@formers/backend';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';

import { simd } from '../src/index.ts';
import { kernelUse } from '../src/start.ts';

/** Result of a run, printed as one line of JSON. */
export interface ConformanceResult {
  readonly threads: number;
  readonly features: readonly string[];
  readonly passed: number;
  readonly pending: number;
  readonly failed: readonly { readonly test: string; readonly message: string }[];
  readonly kernels: Readonly<Record<string, { readonly ours: number; readonly inherited: number }>>;
}

/** Runs all tests; `jasmine` is jasmine-core, booted by the caller, and its globals are in place. */
export async function run(jasmine: Jasmine, threads: number): Promise<ConformanceResult> {
  const info = await useBackend(simd({ threads }));
  const uses = kernelUse();
  const restart = { threads: info.threads, features: info.features };
  setTestEnvs([{ name: 'formers-simd', backendName: 'formers-simd', isDataSync: true }]);
  await import('@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops');
  await import('@tensorflow/tfjs-core/dist/register_all_gradients');
  await import('@tensorflow/tfjs-core/dist/tests');
  const failed: { test: string; message: string }[] = [];
  let passed = 0;
  let pending = 0;
  return new Promise((resolve) => {
    jasmine.addReporter({
      specDone({ status, fullName, failedExpectations }) {
        if (status === 'passed') passed++;
        else if (status === 'failed') failed.push({ test: fullName, message: failedExpectations[0]?.message ?? '' });
        else pending++;
      },
      jasmineDone: () => resolve({ ...restart, passed, pending, failed, kernels: Object.fromEntries(uses) }),
    });
    jasmine.configure({ random: false });
    jasmine.execute();
  });
}

interface Jasmine {
  addReporter(reporter: {
    specDone(spec: { status: string; fullName: string; failedExpectations: { message: string }[] }): void;
    jasmineDone(): void;
  }): void;
  configure(options: { random: boolean }): void;
  execute(): void;
}
