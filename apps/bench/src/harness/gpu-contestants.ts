import path from 'node:path';

import { type Contestant, peerInNode, PEERS_FOLDER } from './contestants.ts';

const WORKER = path.join(import.meta.dirname, '../worker/formers.worker.ts');

/** Formers on the GPU, by Dawn, with tensors stored in float32 or in halves; with `timestamps` the process is for profiles, and slower. */
export function formersOnGPU({
  timestamps = false,
  storage = 'f32',
}: { timestamps?: boolean; storage?: 'f32' | 'f16' } = {}): Contestant {
  const config = JSON.stringify({ engine: 'webgpu', timestamps, storage });
  return {
    id: `formers-webgpu${timestamps ? '-timestamps' : ''}${storage === 'f16' ? '-f16' : ''}`,
    label: storage === 'f16' ? 'Formers, f16 storage' : 'Formers',
    threads: 1,
    peer: undefined,
    makesAllSteps: true,
    command: { file: process.execPath, args: ['--expose-gc', WORKER, config] },
  };
}

/** PyTorch, eager: in float32 without TF32, or in mixed precision by autocast to bfloat16, which needs no scaling of the loss. */
export function torchOn(device: 'cuda' | 'cpu', { isMixed = false }: { isMixed?: boolean } = {}): Contestant {
  const place = device === 'cpu' ? ' on the CPU' : '';
  const script = path.join(PEERS_FOLDER, 'torch', 'main.py');
  return {
    id: `torch-${device}${isMixed ? '-bfloat16' : ''}`,
    label: `PyTorch${isMixed ? ' bfloat16' : ''}${place}`,
    threads: 1,
    peer: 'torch',
    makesAllSteps: true,
    command: {
      file: 'python3',
      args: [script, '1', '--device', device, ...(isMixed ? ['--autocast', 'bfloat16'] : [])],
    },
  };
}

/** Plain tfjs on the stock tfjs-backend-webgpu; `dawn` is the file of WebGPU in Node. */
export function tfjsOnGPU(dawn: string): Contestant {
  return peerInNode({
    id: 'tfjs-webgpu',
    label: 'tfjs-webgpu',
    threads: 1,
    peer: 'tfjs',
    script: 'tfjs/main.mjs',
    args: ['webgpu', dawn],
  });
}

/** onnxruntime's WebGPU: of its web version on the same Dawn, of its native one on the Dawn inside of it. */
export function onnxruntimeOnGPU(peer: 'ort-web' | 'ort-node', dawn: string): Contestant {
  const label = peer === 'ort-web' ? 'onnxruntime-web (WebGPU)' : 'onnxruntime-node (WebGPU)';
  return peerInNode({
    id: `${peer}-webgpu`,
    label,
    threads: 1,
    peer,
    script: 'onnx/main.mjs',
    args: [peer, '1', dawn],
  });
}
