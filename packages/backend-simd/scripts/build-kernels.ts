/**
 * Compiles the kernels in `assembly/` and writes `src/kernels.gen.js`: the WASM modules in base64, so that they are found the same way in Node, under
 * bundlers and in packed tarballs. Run by `build:assets`.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

import { tilesSource } from './tiles.ts';

process.chdir(join(import.meta.dirname, '..'));
mkdirSync('build/assembly', { recursive: true });
writeFileSync('build/assembly/tiles.ts', tilesSource());

/** Bytes below are the control block and the constants of AssemblyScript; see assembly/control.ts. */
const memoryBase = 8192;

async function compile(name: string, flags: readonly string[]): Promise<string> {
  const output = `build/${name}.wasm`;
  const { error, stderr } = await asc.main([
    'assembly/index.ts',
    ...['--outFile', output, '--textFile', `build/${name}.wat`, '-O3', '--converge', '--runtime', 'stub', '--noAssert'],
    ...['--importMemory', '--initialMemory', '2', '--maximumMemory', '65536', '--memoryBase', String(memoryBase)],
    ...['--enable', 'simd', '--enable', 'threads', '--enable', 'bulk-memory', ...flags],
  ]);
  if (error) throw new Error(`${name}: ${error.message}\n${stderr.toString()}`);
  return readFileSync(output).toString('base64');
}

const relaxed = ['--enable', 'relaxed-simd'];
const modules = {
  plain: await compile('plain', ['--sharedMemory']),
  relaxed: await compile('relaxed', [...relaxed, '--sharedMemory']),
};
const lines = Object.entries(modules).map(([name, bytes]) => `  ${name}:\n    '${bytes}',`);
writeFileSync(
  'src/kernels.gen.js',
  `// Written by scripts/build-kernels.ts.\nexport const kernelModules = {\n${lines.join('\n')}\n};\n`,
);
