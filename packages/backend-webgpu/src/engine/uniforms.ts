import { type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { TfjsProgram, TfjsUniform } from './tfjs-backend.ts';

/** Uniform buffers that are kept; a training step needs a few hundred different ones. */
const MOST_BUFFERS = 8192;

/** Bytes of a place for uniforms that are used once; a multiple of every device's alignment. */
const PLACE = 256;
/** Places; uniforms beyond them get buffers of their own. */
const MOST_PLACES = 1024;
/** How often the same content comes before it gets a buffer of its own; a random key comes up to four times in a step. */
const SIGHTINGS = 8;

/**
 * Uniform buffers by their content, written once: most numbers come again at each step. Those that don't (random keys, learning rates) are collected and written together
 * before their commands are submitted; as they come in the same order at each step, they get the same places, and bind groups can be kept.
 */
export class UniformCache {
  readonly #device: GPUDevice;
  readonly #buffers = new Map<string, GPUBuffer>();
  /** How often contents without a buffer came. */
  readonly #seen = new Map<string, number>();
  #places: GPUBuffer | undefined;
  readonly #content = new Uint8Array(PLACE * MOST_PLACES);
  #used = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Of our shaders: whole numbers, then float32 numbers, without gaps. */
  of(counts: readonly number[], numbers: readonly number[]): GPUBufferBinding {
    return this.#get(`${counts.join()}|${numbers.join()}`, () => {
      const bytes = new ArrayBuffer(4 * (counts.length + numbers.length));
      new Uint32Array(bytes, 0, counts.length).set(counts);
      new Float32Array(bytes, 4 * counts.length).set(numbers);
      return bytes;
    });
  }

  /** Of tfjs's programs, laid out as WGSL aligns vectors. */
  ofTfjs(uniforms: readonly TfjsUniform[]): GPUBufferBinding {
    const key = `tfjs ${uniforms.map(({ type, data }) => type[0] + data.join()).join('|')}`;
    return this.#get(key, () => packTfjs(uniforms));
  }

  /** Writes what was collected; to be called before each submission. */
  flush(): void {
    if (this.#places && this.#used > 0)
      this.#device.queue.writeBuffer(this.#places, 0, this.#content, 0, this.#used * PLACE);
    this.#used = 0;
  }

  /** Forgets all where there are too many. Only right after a submission. Returns whether it did. */
  trim(): boolean {
    if (this.#seen.size > MOST_BUFFERS) this.#seen.clear();
    if (this.#buffers.size <= MOST_BUFFERS) return false;
    this.dispose();
    return true;
  }

  dispose(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
  }

  #get(key: string, content: () => ArrayBuffer): GPUBufferBinding {
    const known = this.#buffers.get(key);
    if (known) return { buffer: known };
    const bytes = new Uint8Array(content());
    const size = Math.ceil(bytes.length / 16) * 16;
    const count = this.#seen.get(key) ?? 0;
    if (count < SIGHTINGS && size <= PLACE && this.#used < MOST_PLACES) {
      this.#seen.set(key, count + 1);
      return this.#place(bytes, size);
    }
    this.#seen.delete(key);
    const buffer = this.#device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM, mappedAtCreation: true });
    new Uint8Array(buffer.getMappedRange()).set(bytes);
    buffer.unmap();
    this.#buffers.set(key, buffer);
    return { buffer };
  }

  #place(bytes: Uint8Array, size: number): GPUBufferBinding {
    const offset = PLACE * this.#used++;
    this.#content.set(bytes, offset);
    this.#places ??= this.#device.createBuffer({
      size: PLACE * MOST_PLACES,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    return { buffer: this.#places, offset, size };
  }
}

/** The uniforms of a program of tfjs: NaN and infinity, shapes and strides of its inputs and of its output, its size, then its own. */
export function uniformsOf(
  program: TfjsProgram,
  tensors: readonly TensorInfo[],
  own: readonly TfjsUniform[],
): TfjsUniform[] {
  const shapes = tensors.flatMap(({ shape }) => [shape, util.computeStrides(shape)]);
  const size = util.sizeFromShape(program.outputShape) / (program.outputComponent ?? 1);
  return [float(Number.NaN), float(Infinity), ...shapes.map(ints), ...(program.size ? [ints([size])] : []), ...own];
}

const ints = (data: number[]): TfjsUniform => ({ type: 'int32', data });
const float = (value: number): TfjsUniform => ({ type: 'float32', data: [value] });

function packTfjs(uniforms: readonly TfjsUniform[]): ArrayBuffer {
  let end = 0;
  let previous = 0;
  const places = uniforms.map(({ data }) => {
    const length = Math.max(1, data.length);
    const alignment = length > 2 || previous > 4 ? 16 : 4 * length;
    const start = Math.ceil(end / alignment) * alignment;
    end = start + 4 * length;
    previous = length;
    return start;
  });
  const bytes = new ArrayBuffer(end);
  uniforms.forEach(({ type, data }, i) => {
    const Numbers = type === 'int32' ? Int32Array : type === 'uint32' ? Uint32Array : Float32Array;
    new Numbers(bytes, places[i] as number, Math.max(1, data.length)).set(data.length > 0 ? data : [1]);
  });
  return bytes;
}
