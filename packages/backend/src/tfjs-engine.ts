import {
  type DataId,
  engine,
  type KernelBackend,
  type NamedTensorMap,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';

/** One recorded operation. `gradient` maps the gradients of the outputs to one lazy gradient per input. */
export interface TapeNode {
  id: number;
  kernelName: string;
  inputs: NamedTensorMap;
  outputs: Tensor[];
  saved: Tensor[];
  gradient?: (outputGradients: (Tensor | null)[]) => Record<string, () => Tensor>;
}

/** The parts of tfjs-core's engine that the tape needs. TypeScript calls some private; they are stable, as 4.22.0 is pinned. */
interface TfjsEngine {
  readonly backend: KernelBackend & { incRef(dataId: DataId): void };
  readonly backendName: string;
  readonly state: {
    activeTape: TapeNode[] | null;
    gradientDepth: number;
    kernelDepth: number;
    nextTapeNodeId: number;
  };
  startScope(name?: string): void;
  endScope(result?: unknown): void;
  makeTensorFromTensorInfo(info: TensorInfo): Tensor;
  runKernel(name: string, inputs: NamedTensorMap, attributes: object): Tensor | Tensor[];
}

/** tfjs-core's engine with its tape in reach: the only place of the code base that looks behind tfjs's types. */
export function tfjsEngine(): TfjsEngine {
  return engine() as unknown as TfjsEngine;
}
