import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { softwareGPU } from './software-gpu.ts';
import { command, type Stage } from './stages.ts';
import { skip } from './tally.ts';
import { vitest } from './vitest.ts';
import { root } from './workspace.ts';

const dawn = join(root, 'packages/backend-webgpu/dawn');

/** The tests of the GPU engine in Node: Dawn is installed where it isn't (its install script only matters on macOS), then runs on the GPU in software of Chromium. */
export function webgpuStages(): readonly Stage[] {
  const name = 'tests on WebGPU in Node';
  if (!softwareGPU())
    return [{ name, work: () => Promise.resolve(skip(`${name}: no Chromium with a GPU in software (SwiftShader)`)) }];
  const install = command('Dawn (130 MB)', ['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: dawn });
  return [...(existsSync(join(dawn, 'node_modules/webgpu')) ? [] : [install]), vitest(name, 'vitest.webgpu.config.ts')];
}
