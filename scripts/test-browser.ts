/** `pnpm test:browser`: the files `*.browser.test.ts` in the system's Chromium; skipped, by name, where there is none. */
import { findChromium } from './lib/chromium.ts';
import { command, runStages } from './lib/stages.ts';
import { conclude, skip, total } from './lib/tally.ts';
import { vitest } from './lib/vitest.ts';

const skipped = skip('browser tests (no Chromium on this machine: install it, or name one in the variable CHROMIUM)');
const stages = [command('assets', ['node', 'scripts/assets.ts']), vitest('browser tests', 'vitest.browser.config.ts')];
conclude(findChromium() === undefined ? skipped : total(await runStages(stages)));
