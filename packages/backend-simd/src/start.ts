import { activate, BackendError, ConfigError, type EngineInfo } from '@formers/backend';
import { findBackendFactory, registerBackend, removeBackend } from '@tensorflow/tfjs-core';

import { SimdBackend } from './backend.ts';
import { type Build, compileKernels, hasRelaxedSimd, hasRevectorizer, hasSimd } from './engine/compile.ts';
import { availableCores, whyNoThreads } from './engine/platform.ts';
import { WasmEngine } from './engine/wasm-engine.ts';
import { type KernelUse, registerKernels } from './kernels/register.ts';
import { chooseTile, passesSelfTest } from './self-test.ts';
import type { SimdOptions } from './simd.ts';

const BACKEND_NAME = 'formers-simd';
const MOST_THREADS = 8;

/** The engine in use, to end its workers when another one replaces it. */
let running: WasmEngine | undefined;
let kernelUses: ReadonlyMap<string, KernelUse> = new Map();

/** How often each kernel ran, as ours and as tfjs-backend-cpu's, since the engine started. */
export function kernelUse(): ReadonlyMap<string, KernelUse> {
  return kernelUses;
}

/** The engine that runs; for tests and measurements. */
export function runningEngine(): WasmEngine | undefined {
  return running;
}

/** Compiles, tests and registers the engine; throws where this machine can't run it. */
export async function startSimd({
  threads,
  avx2 = true,
  relaxedSimd = true,
  maximumBytes,
}: SimdOptions): Promise<EngineInfo> {
  if (!hasSimd()) throw new BackendError('this machine has no WebAssembly SIMD');
  const notes: string[] = [];
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1 && threads <= 64)) {
    throw new ConfigError(`simd: threads must be a whole number from 1 to 64, got ${threads}`);
  }
  const noThreads = whyNoThreads();
  const wanted = threads ?? Math.min(MOST_THREADS, availableCores());
  if (wanted > 1 && noThreads) notes.push(`one thread, as ${noThreads}`);
  const count = noThreads ? 1 : wanted;
  const build: Build = relaxedSimd && hasRelaxedSimd() ? 'relaxed' : 'plain';

  const start = async (withAvx2: boolean): Promise<WasmEngine> => {
    const module = await compileKernels({ build, avx2: withAvx2 });
    try {
      return await WasmEngine.start({ module, threads: count, maximumBytes });
    } catch (error) {
      if (count === 1) throw error;
      // A page's content security policy may forbid workers from blob URLs.
      notes.push(`one thread, as workers can't start: ${error instanceof Error ? error.message : String(error)}`);
      return WasmEngine.start({ module, threads: 1, maximumBytes });
    }
  };
  let withAvx2 = avx2 && hasRevectorizer();
  let engine = await start(withAvx2);
  if (withAvx2 && !passesSelfTest(engine)) {
    notes.push('AVX2 off, as its self-test failed');
    engine.stop();
    withAvx2 = false;
    engine = await start(false);
  }
  if (!withAvx2 && !passesSelfTest(engine)) throw new BackendError('the self-test of the kernels failed');
  chooseTile(engine);

  const features = [
    build === 'relaxed' ? 'relaxed-simd' : 'simd',
    ...(withAvx2 ? ['avx2'] : []),
    `tile 6x${engine.tileColumns}`,
    ...notes,
  ];
  if (findBackendFactory(BACKEND_NAME)) removeBackend(BACKEND_NAME);
  running?.stop();
  running = engine;
  kernelUses = registerKernels(BACKEND_NAME);
  registerBackend(BACKEND_NAME, () => new SimdBackend(engine), 3);
  await activate(BACKEND_NAME);
  return { name: BACKEND_NAME, device: 'WebAssembly', threads: engine.threads, features };
}
