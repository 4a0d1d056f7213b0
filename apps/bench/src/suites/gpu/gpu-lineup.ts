import type { Contestant } from '../../harness/contestants.ts';
import { formers } from '../../harness/contestants.ts';
import { formersOnGPU, onnxruntimeOnGPU, tfjsOnGPU, torchOn } from '../../harness/gpu-contestants.ts';
import type { BenchOptions } from '../../options.ts';

/** Whom a case on the GPU may have. */
export type GPUPeer = 'torch' | 'torch-mixed' | 'tfjs' | 'ort-web' | 'ort-node';

/** Who takes part in suites on the GPU, as the options say. */
export interface GPULineup {
  readonly options: BenchOptions;
  readonly ours: Contestant;
  /** Ours, with activations stored in halves. */
  readonly half: Contestant;
  /** Ours, with a clock at every kernel. */
  readonly profiled: Contestant;
  /** Writes weights: on the processor, which is quick enough everywhere. */
  readonly maker: Contestant;
  /** The peers among these that the options ask for. */
  peers(...names: readonly GPUPeer[]): { readonly name: GPUPeer; readonly contestant: Contestant }[];
}

/** Makes the line-up of a command; `dawn` is the file of WebGPU in Node. */
export function gpuLineup(options: BenchOptions, { dawn }: { dawn: string }): GPULineup {
  const makers: Readonly<Record<GPUPeer, () => Contestant>> = {
    torch: () => torchOn(options.torchDevice),
    'torch-mixed': () => torchOn(options.torchDevice, { isMixed: true }),
    tfjs: () => tfjsOnGPU(dawn),
    'ort-web': () => onnxruntimeOnGPU('ort-web', dawn),
    'ort-node': () => onnxruntimeOnGPU('ort-node', dawn),
  };
  return {
    options,
    ours: formersOnGPU(),
    half: formersOnGPU({ storage: 'f16' }),
    profiled: formersOnGPU({ timestamps: true }),
    maker: formers({ threads: 1 }),
    peers: (...names) =>
      names
        .map((name) => ({ name, contestant: makers[name]() }))
        .filter(({ contestant: { peer } }) => peer !== undefined && options.peers.includes(peer)),
  };
}
