/** What test/threads.test.ts runs inside of a worker. */
import { parentPort } from 'node:worker_threads';

import { useBackend } from '@formers/backend';
import { matMul, randomNormal, type Tensor2D } from '@tensorflow/tfjs-core';

import { simd } from '../src/index.ts';

const { threads } = await useBackend(simd({ threads: 2 }));
const x: Tensor2D = randomNormal([256, 256]);
const finite = matMul(x, x).dataSync().every(Number.isFinite) ? 1 : 0;
parentPort?.postMessage({ threads, finite });
