import type { TfjsUniform } from './tfjs-backend.ts';

/** Uniform buffers that are kept; a training step needs a few hundred different ones. */
const MOST_BUFFERS = 8192;

/** Uniform buffers by their content, written once: the same numbers come again at each step. */
export class UniformCache {
  readonly #device: GPUDevice;
  readonly #buffers = new Map<string, GPUBuffer>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Of our shaders: whole numbers, then float32 numbers, without gaps. */
  of(counts: readonly number[], numbers: readonly number[]): GPUBuffer {
    return this.#get(`${counts.join()}|${numbers.join()}`, () => {
      const bytes = new ArrayBuffer(4 * (counts.length + numbers.length));
      new Uint32Array(bytes, 0, counts.length).set(counts);
      new Float32Array(bytes, 4 * counts.length).set(numbers);
      return bytes;
    });
  }

  /** Of tfjs's programs, laid out as WGSL aligns vectors. */
  ofTfjs(uniforms: readonly TfjsUniform[]): GPUBuffer {
    const key = `tfjs ${uniforms.map(({ type, data }) => type[0] + data.join()).join('|')}`;
    return this.#get(key, () => packTfjs(uniforms));
  }

  /** Forgets all where there are too many. Only right after a submission. Returns whether it did. */
  trim(): boolean {
    if (this.#buffers.size <= MOST_BUFFERS) return false;
    this.dispose();
    return true;
  }

  dispose(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
  }

  #get(key: string, content: () => ArrayBuffer): GPUBuffer {
    const known = this.#buffers.get(key);
    if (known) return known;
    const bytes = new Uint8Array(content());
    const size = Math.ceil(bytes.length / 16) * 16;
    const buffer = this.#device.createBuffer({ size, usage: GPUBufferUsage.UNIFORM, mappedAtCreation: true });
    new Uint8Array(buffer.getMappedRange()).set(bytes);
    buffer.unmap();
    this.#buffers.set(key, buffer);
    return buffer;
  }
}

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
