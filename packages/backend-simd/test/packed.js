// What a project that has installed the packed package does: in Node, under `vite dev` and after `vite build`.
import { simd } from '@formers/backend-simd';
import { add, matMul, memory, ones, tidy } from '@tensorflow/tfjs-core';

const { threads, features } = await simd({ threads: 2 }).start();
if (threads !== 2) throw new Error(`2 threads wanted, got ${threads} (${features.join(', ')})`);
const sum = tidy(() => {
  const x = ones([300, 200]);
  return add(matMul(x, x, false, true), 1).dataSync();
});
if (sum.length !== 90_000 || sum.some((value) => value !== 201)) throw new Error('the product is wrong');
if (memory().numTensors !== 0) throw new Error('tensors are left');
