/** jax-js's side: matrix products and training steps on its WebAssembly backend. */
import { readFile } from 'node:fs/promises';

import { quietConsole, serve } from '../../src/worker/serve.ts';
import { installWorkers } from './workers.mjs';

const threads = Number(process.argv[2]);
quietConsole();
if (threads > 1) installWorkers(threads);
const { defaultDevice, init } = await import('@jax-js/jax');
const { prepareMatmul } = await import('./products.mjs');
const { prepareTraining } = await import('./training.mjs');

await init('wasm');
defaultDevice('wasm');
const manifest = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url);
const { version } = JSON.parse(await readFile(manifest, 'utf8'));

await serve(
  { versions: { 'jax-js': version } },
  {
    prepare: (task) => {
      if (task.suite === 'matmul') return prepareMatmul(task);
      if (task.suite === 'train') return prepareTraining(task);
      throw new Error(`${task.suite} is not written for jax-js`);
    },
  },
);
