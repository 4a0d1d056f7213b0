/** Plain tfjs's side: matrix products and training steps on its own cpu, wasm or webgpu backend; the last one on Dawn, from the file that the second argument names. */
import { createRequire } from 'node:module';

import { openGPU } from '../lib/open-gpu.mjs';
import { quietConsole, serve } from '../../src/worker/serve.ts';

quietConsole();
const [, , backend, dawn] = process.argv;
if (backend === 'webgpu') await openGPU(dawn);
const tf = await import('@tensorflow/tfjs');
if (backend === 'wasm' || backend === 'webgpu') await import(`@tensorflow/tfjs-backend-${backend}`);
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
