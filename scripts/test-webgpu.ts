/** `pnpm test:webgpu`: the files `*.webgpu.test.ts` in Node on Dawn, with the GPU in software that Chromium ships with; skipped, by name, without it. */
import { command, runStages } from './lib/stages.ts';
import { conclude, total } from './lib/tally.ts';
import { webgpuStages } from './lib/webgpu-stages.ts';

conclude(total(await runStages([command('assets', ['node', 'scripts/assets.ts']), ...webgpuStages()])));
