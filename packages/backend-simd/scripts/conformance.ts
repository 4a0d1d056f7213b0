/**
 * Runs tfjs-core's own tests against the engine and says per kernel whether ours or the inherited one of tfjs-backend-cpu ran.
 *
 *     npx pnpm@12 --filter @formers/backend-simd conformance [--threads 1,2] [--json]
 *
 * Exits 1 when a test fails.
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

import type { ConformanceResult } from './conformance-suite.ts';

const bundle = join(import.meta.dirname, '../build/conformance.cjs');

/** Boots jasmine, runs the bundle and prints the result. */
const runner = `
const core = require('jasmine-core');
const jasmine = core.boot(core);
globalThis.jasmine = jasmine;
console.warn = console.log = () => {};
require(${JSON.stringify(bundle)}).run(jasmine.getEnv(), Number(process.argv[1])).then((result) => process.stdout.write(JSON.stringify(result), () => process.exit(0)));
`;

/** Writes the bundle that {@link runConformance} runs. */
export async function bundleSuite(): Promise<void> {
  mkdirSync(join(bundle, '..'), { recursive: true });
  await build({
    entryPoints: [join(import.meta.dirname, 'conformance-suite.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    mainFields: ['module', 'main'],
    nodePaths: [join(import.meta.dirname, '../node_modules')], // tfjs-core wants jasmine-core without depending on it
    ignoreAnnotations: true, // tfjs-core calls its tests free of side effects
    logLevel: 'error',
  });
}

/** Runs all tests in a process of their own. */
export async function runConformance(threads: number): Promise<ConformanceResult> {
  const child = spawn(process.execPath, ['-e', runner, String(threads)], {
    cwd: join(import.meta.dirname, '..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout)) as ConformanceResult;
}

function report({ threads, features, passed, pending, failed, kernels }: ConformanceResult): void {
  console.log(
    `\n${threads} thread${threads === 1 ? '' : 's'} (${features.join(', ')}): ${passed} passed, ${failed.length} failed, ${pending} pending`,
  );
  for (const { test, message } of failed) console.log(`  FAILED ${test}\n         ${message.slice(0, 200)}`);
  const used = Object.entries(kernels).filter(([, { ours, inherited }]) => ours + inherited > 0);
  const kind = (test: (use: { ours: number; inherited: number }) => boolean) => used.filter(([, use]) => test(use));
  const both = kind(({ ours, inherited }) => ours > 0 && inherited > 0);
  console.log(
    `ours: ${kind(({ inherited }) => inherited === 0)
      .map(([name]) => name)
      .join(' ')}`,
  );
  console.log(
    `ours, inherited for some inputs: ${both.map(([name, { ours, inherited }]) => `${name} (${ours} of ${ours + inherited})`).join(' ')}`,
  );
  console.log(
    `inherited: ${kind(({ ours }) => ours === 0)
      .map(([name]) => name)
      .join(' ')}`,
  );
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { threads: { type: 'string', default: '1,2' }, json: { type: 'boolean', default: false } },
  });
  await bundleSuite();
  const results: ConformanceResult[] = [];
  for (const threads of values.threads.split(',').map(Number)) results.push(await runConformance(threads));
  if (values.json) console.log(JSON.stringify(results, undefined, 1));
  else for (const result of results) report(result);
  if (results.some(({ failed, passed }) => failed.length > 0 || passed === 0)) process.exitCode = 1;
}
