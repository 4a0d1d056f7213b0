/** Plain tfjs's side: matrix products and training steps on its own cpu or wasm backend. */
import { createRequire } from 'node:module';

import { quietConsole, serve } from '../../src/worker/serve.ts';

quietConsole();
const backend = process.argv[2];
const tf = await import('@tensorflow/tfjs');
if (backend === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
if (!(await tf.setBackend(backend))) throw new Error(`tfjs cannot start its backend ${backend}`);
await tf.ready();
const { prepareMatmul } = await import('./products.mjs');
const { prepareTraining } = await import('./training.mjs');
const { version } = createRequire(import.meta.url)('@tensorflow/tfjs/package.json');

await serve(
  { versions: { tfjs: version } },
  {
    prepare: (task) => {
      if (task.suite === 'matmul') return prepareMatmul(task);
      if (task.suite === 'train') return prepareTraining(task);
      throw new Error(`${task.suite} is not written for tfjs`);
    },
  },
);
