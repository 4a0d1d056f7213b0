/**
 * Builds the package in the current folder: `tsc`, and beside what it wrote the files that it passes over (generated
 * JavaScript, hand-written declarations, WASM). Each package's script `build` is `node ../../scripts/build-package.ts`.
 */
import { cpSync, rmSync } from 'node:fs';
import { run } from './lib/run.ts';

const compiledByTsc = /(?<!\.d)\.[cm]?tsx?$/;

rmSync('dist', { recursive: true, force: true });
rmSync('tsconfig.tsbuildinfo', { force: true });
const { code, output } = await run(['tsc', '-p', 'tsconfig.json'], { cwd: process.cwd() });
process.stdout.write(output);
if (code === 0) cpSync('src', 'dist', { recursive: true, filter: (source) => !compiledByTsc.test(source) });
process.exitCode = code;
