/**
 * `node scripts/on-software-gpu.ts <command>`: runs a command so that WebGPU in Node finds the GPU in software that Chromium ships with.
 * Slow: for tests, and to try things on a machine without a GPU.
 */
import { spawnSync } from 'node:child_process';
import { softwareGPU } from './lib/software-gpu.ts';
import { conclude, skip } from './lib/tally.ts';

const [file = 'node', ...args] = process.argv.slice(2);
const variables = softwareGPU();
if (variables) {
  const { status } = spawnSync(file, args, { stdio: 'inherit', env: { ...process.env, ...variables } });
  process.exitCode = status ?? 1;
} else conclude(skip(`${args.join(' ')}: no Chromium with a GPU in software (SwiftShader)`));
