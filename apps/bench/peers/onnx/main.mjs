/** onnxruntime's side, on WebAssembly, native, or on the GPU by either: forward passes of models that PyTorch exported. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { digest, pattern, patternIds } from '../../src/worker/pattern.ts';
import { quietConsole, serve } from '../../src/worker/serve.ts';
import { openGPU } from '../lib/open-gpu.mjs';

/** `dawn`, the file of WebGPU in Node, is given where the GPU is meant. */
const [, , kind, threads, dawn] = process.argv;
quietConsole();
const name = kind === 'ort-web' ? 'onnxruntime-web' : 'onnxruntime-node';
if (dawn !== undefined && kind === 'ort-web') await openGPU(dawn);
const ort = await load();
const { version } = JSON.parse(
  await readFile(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8'),
);

/** In Node, onnxruntime-web gives its build without WebGPU. The other one works, if it is found by its file and so is its wasm. */
async function load() {
  if (dawn === undefined || kind === 'ort-node') return import(name);
  const folder = new URL('../node_modules/onnxruntime-web/dist/', import.meta.url);
  const withGPU = await import(new URL('ort.webgpu.min.mjs', folder).href);
  const wasm = 'ort-wasm-simd-threaded.asyncify';
  withGPU.env.wasm.wasmPaths = { mjs: new URL(`${wasm}.mjs`, folder).href };
  withGPU.env.wasm.wasmBinary = await readFile(new URL(`${wasm}.wasm`, folder));
  return withGPU;
}

async function prepare(task) {
  if (task.suite !== 'infer' || task.mode !== 'forward') throw new Error('only forward passes are measured');
  const session = await createSession(path.join(task.folder, 'model.onnx'));
  const input = await createInput(task);
  const run = async () => (await session.run({ [session.inputNames[0]]: input }))[session.outputNames[0]];
  const results = digest((await run()).data);
  return { results, step: async () => void (await run()), [Symbol.dispose]: () => void session.release() };
}

async function createSession(file) {
  const executionProviders = dawn === undefined ? (kind === 'ort-web' ? ['wasm'] : ['cpu']) : ['webgpu'];
  if (kind === 'ort-node')
    return ort.InferenceSession.create(file, {
      executionProviders,
      intraOpNumThreads: Number(threads),
      interOpNumThreads: 1,
    });
  ort.env.wasm.numThreads = Number(threads);
  const externalData = [{ path: 'model.onnx.data', data: await readFile(`${file}.data`) }];
  return ort.InferenceSession.create(await readFile(file), { executionProviders, externalData });
}

async function createInput({ model, folder, length }) {
  const config = JSON.parse(await readFile(path.join(folder, 'config.json'), 'utf8'));
  if (model === 'vit') {
    const shape = [1, 3, config.image_size, config.image_size];
    return new ort.Tensor(
      'float32',
      pattern(
        shape.reduce((x, y) => x * y),
        { seed: 1 },
      ),
      shape,
    );
  }
  const ids = patternIds(length, { seed: 1, below: config.vocab_size });
  return new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, length]);
}

await serve({ versions: { [name]: version } }, { prepare });
