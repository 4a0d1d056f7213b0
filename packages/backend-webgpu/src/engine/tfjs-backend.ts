import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { BackendValues, DataId, DataStorage, DataType, KernelBackend, TensorInfo } from '@tensorflow/tfjs-core';

import type { BufferPool } from './buffer-pool.ts';

/** What tfjs keeps of a tensor's data, and what we add to it. */
export interface TensorData {
  values: BackendValues | null | undefined;
  readonly dtype: DataType;
  readonly shape: number[];
  refCount: number;
  resource?: GPUBuffer | GPUTexture | GPUExternalTexture | null;
  external?: boolean;
  complexTensorInfos?: { real: TensorInfo; imag: TensorInfo };
  /** Where in the buffer it lies, in bytes; default 0. */
  offset?: number;
  /** The buffer of several tensors that it lies in, if it does. */
  arena?: Arena;
  /** Whether its values are stored in half precision, two in a word; a number of them that is a multiple of four. */
  isHalf?: boolean;
  /** Whether they shall be, if the kernel that makes them can write halves. */
  mayBeHalf?: boolean;
  /** What a forward kernel left for its backward kernel; disposed with the data. */
  side?: Readonly<Record<string, TensorInfo>>;
}

/** One buffer for several tensors' values, so that one dispatch may change them all. */
export interface Arena {
  readonly values: TensorInfo;
  /** Tensors that still lie there; without any it is given back. */
  members: number;
}

/** A program of tfjs's own kernels, ready to run. */
export interface TfjsProgram {
  readonly pipeline: GPUComputePipeline | Promise<GPUComputePipeline>;
  readonly outputShape: number[];
  readonly dispatch: [number, number, number];
  readonly size?: boolean;
  readonly outputComponent?: number;
  readonly pixelsOpType?: unknown;
}

/** A uniform of tfjs's programs: a number or a vector of up to 6. */
export interface TfjsUniform {
  readonly type: string;
  readonly data: number[];
}

/** tfjs's WebGPU backend with the parts in reach that TypeScript calls private; they are stable, as 4.22.0 is pinned. */
export interface OpenBackend extends KernelBackend {
  bufferManager: BufferPool;
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
  readonly tensorMap: DataStorage<TensorData>;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  activeTimers: unknown;
  /** Uniform buffers of recorded commands, of tfjs's own way to record them. */
  uniformPendingDisposal: GPUBuffer[];
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(dataId: DataId): void;
  releaseResource(dataId: DataId): void;
  recordAndSubmit(program: TfjsProgram, output: TensorInfo, inputs: TensorInfo[], uniforms?: TfjsUniform[]): void;
  makeTensorInfo(shape: number[], dtype: DataType, values?: BackendValues): TensorInfo;
}

/** The class to extend; the only place that looks behind tfjs's types. */
export const OpenWebGPUBackend: new (device: GPUDevice, info: GPUAdapterInfo) => OpenBackend =
  WebGPUBackend as unknown as new (device: GPUDevice, info: GPUAdapterInfo) => OpenBackend;
