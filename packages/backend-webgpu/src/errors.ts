import { BackendError } from '@formers/backend';

/** The GPU refused a command; a defect of a kernel or a driver. */
export class GPUError extends BackendError {
  static override isInstance(value: unknown): value is GPUError {
    return BackendError.isInstance(value) && value.name === 'GPUError';
  }
}

/** The GPU's memory is full, or a tensor is larger than it can hold. */
export class GPUOutOfMemoryError extends BackendError {
  readonly wantedBytes: number;
  readonly liveBytes: number;

  constructor({ wantedBytes, liveBytes, limit }: { wantedBytes: number; liveBytes: number; limit?: number }) {
    super(
      limit === undefined
        ? `formers-webgpu: out of memory: wanted ${wantedBytes} bytes more beside ${liveBytes} bytes in tensors; smaller batches or shorter sequences need less`
        : `formers-webgpu: a tensor of ${wantedBytes} bytes is larger than this GPU allows (${limit} bytes); smaller batches or shorter sequences need less`,
    );
    this.wantedBytes = wantedBytes;
    this.liveBytes = liveBytes;
  }

  static override isInstance(value: unknown): value is GPUOutOfMemoryError {
    return BackendError.isInstance(value) && value.name === 'GPUOutOfMemoryError';
  }
}
