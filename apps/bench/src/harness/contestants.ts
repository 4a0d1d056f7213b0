import path from 'node:path';

import type { WorkerCommand } from './worker-process.ts';

/** Whom Formers is measured against. */
export const PEERS = ['torch', 'jax', 'tfjs', 'ort-web', 'ort-node'] as const;

/** Name of a peer. */
export type Peer = (typeof PEERS)[number];

/** One way to compute, in a process of its own. */
export interface Contestant {
  /** The same id is the same process. */
  readonly id: string;
  readonly label: string;
  readonly threads: number;
  /** undefined: ours. */
  readonly peer: Peer | undefined;
  /** Whether it makes all steps, however long they take; others make fewer when they are slow. */
  readonly makesAllSteps: boolean;
  readonly command: WorkerCommand;
}

/** Where the peers and their dependencies are: a folder outside of the workspace. */
export const PEERS_FOLDER: string = path.join(import.meta.dirname, '../../peers');

/** Formers, on our engine or on plain tfjs-backend-cpu. */
export function formers({
  threads,
  avx2 = true,
  engine = 'simd',
}: {
  threads: number;
  avx2?: boolean;
  engine?: 'simd' | 'cpu';
}): Contestant {
  const script = path.join(import.meta.dirname, '../worker/formers.worker.ts');
  const config = JSON.stringify({ engine, threads, avx2 });
  return {
    id: `formers-${engine}-${threads}${avx2 ? '' : '-no-avx2'}`,
    label: engine === 'cpu' ? 'Formers on tfjs-cpu' : avx2 ? 'Formers' : 'Formers, AVX2 off',
    threads: engine === 'cpu' ? 1 : threads,
    peer: undefined,
    makesAllSteps: engine === 'simd',
    command: { file: process.execPath, args: ['--expose-gc', script, config] },
  };
}

/** PyTorch, eager, float32. */
export function torch(threads: number): Contestant {
  return {
    id: `torch-${threads}`,
    label: 'PyTorch',
    threads,
    peer: 'torch',
    makesAllSteps: true,
    command: { file: 'python3', args: [path.join(PEERS_FOLDER, 'torch', 'main.py'), String(threads)] },
  };
}

/** jax-js on WebAssembly: one thread as it is in Node; more through a shim that gives it web workers. */
export function jax(threads: number): Contestant {
  const label = threads > 1 ? 'jax-js with worker shim' : 'jax-js';
  return peerInNode({
    id: `jax-${threads}`,
    label,
    threads,
    peer: 'jax',
    script: 'jax/main.mjs',
    args: [String(threads)],
  });
}

/** Plain tfjs on one of its own backends. */
export function tfjs(backend: 'cpu' | 'wasm'): Contestant {
  return peerInNode({
    id: `tfjs-${backend}`,
    label: `tfjs-${backend}`,
    threads: 1,
    peer: 'tfjs',
    script: 'tfjs/main.mjs',
    args: [backend],
  });
}

/** onnxruntime on WebAssembly, or native. */
export function onnxruntime(peer: 'ort-web' | 'ort-node', threads: number): Contestant {
  const label = peer === 'ort-web' ? 'onnxruntime-web' : 'onnxruntime-node';
  return peerInNode({
    id: `${peer}-${threads}`,
    label,
    threads,
    peer,
    script: 'onnx/main.mjs',
    args: [peer, String(threads)],
  });
}

/** A peer whose script lies among the peers and runs in this Node. */
export function peerInNode({
  script,
  args,
  ...contestant
}: Omit<Contestant, 'command' | 'makesAllSteps'> & { script: string; args: string[] }): Contestant {
  const command = { file: process.execPath, args: [path.join(PEERS_FOLDER, script), ...args] };
  return { ...contestant, makesAllSteps: false, command };
}
