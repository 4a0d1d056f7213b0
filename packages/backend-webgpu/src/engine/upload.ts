import { bytesOf } from './bytes.ts';
import type { OpenBackend, TensorData } from './tfjs-backend.ts';

/** Values up to this size stay on the host too, where they may be read without waiting: ids, positions, scalars. */
export const HOST_BYTES = 4096;
/** The same of whole numbers: positions of long prompts are read, too. */
const HOST_INTEGER_BYTES = 2 ** 20;
const STORAGE_USAGE = 0x80 | 0x4 | 0x8; // STORAGE | COPY_SRC | COPY_DST

/** Gives a tensor its buffer, with its values if it has some. Returns what has to be kept until the recorded commands are submitted, if there is something. */
export function upload(backend: OpenBackend, data: TensorData): GPUBuffer | undefined {
  const { values, dtype } = data;
  const size = bytesOf(data);
  const buffer = backend.bufferManager.acquireBuffer(size, STORAGE_USAGE);
  data.resource = buffer;
  if (!values) return undefined;
  const numbers =
    dtype === 'float32' ? Float32Array.from(values as Float32Array) : Int32Array.from(values as Int32Array);
  if (size > (dtype === 'float32' ? HOST_BYTES : HOST_INTEGER_BYTES)) data.values = null;
  if (backend.commandEncoder) return copyFromStaging(backend, buffer, numbers);
  if (numbers.length > 0) backend.queue.writeBuffer(buffer, 0, numbers);
  return undefined;
}

/** Recorded commands may still use the buffer, so the copy has to be one of them. */
function copyFromStaging(backend: OpenBackend, buffer: GPUBuffer, numbers: Float32Array | Int32Array): GPUBuffer {
  const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
  const staging = backend.bufferManager.acquireBuffer(buffer.size, usage, true, false);
  new Uint8Array(staging.getMappedRange()).set(new Uint8Array(numbers.buffer));
  staging.unmap();
  backend.endComputePassEncoder();
  backend.commandEncoder?.copyBufferToBuffer(staging, 0, buffer, 0, buffer.size);
  return staging;
}
