/**
 * `pnpm test:browser`: the files `*.browser.test.ts` and the packed packages in the system's Chromium, and the GPU engine in Node on
 * Chromium's GPU in software; skipped, by name, where there is none.
 */
import { findChromium } from './lib/chromium.ts';
import { command, runStages } from './lib/stages.ts';
import { conclude, skip, total } from './lib/tally.ts';
import { vitest } from './lib/vitest.ts';
import { webgpuStages } from './lib/webgpu-stages.ts';

const stages = [
  command('assets', ['node', 'scripts/assets.ts']),
  command('packages in Chromium', ['node', 'scripts/check-packages.ts', '--browser']),
  vitest('tests in Chromium', 'vitest.browser.config.ts'),
  ...webgpuStages(),
];
const skipped = skip('tests in Chromium: there is none (install it, or name one in the variable CHROMIUM)');
conclude(findChromium() === undefined ? skipped : total(await runStages(stages)));
