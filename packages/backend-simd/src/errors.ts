import { BackendError } from '@formers/backend';

/** The engine's memory is full. Tensors that live stay as they are; dispose some and go on. */
export class OutOfMemoryError extends BackendError {
  readonly wantedBytes: number;
  readonly liveBytes: number;

  constructor({ wantedBytes, liveBytes }: { wantedBytes: number; liveBytes: number }) {
    super(
      `formers-simd: out of memory: wanted ${wantedBytes} bytes more beside ${liveBytes} bytes in tensors; smaller batches or shorter sequences need less`,
    );
    this.wantedBytes = wantedBytes;
    this.liveBytes = liveBytes;
  }

  static override isInstance(value: unknown): value is OutOfMemoryError {
    return BackendError.isInstance(value) && value.name === 'OutOfMemoryError';
  }
}
