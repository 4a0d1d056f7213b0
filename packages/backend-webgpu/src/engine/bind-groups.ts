/** Bind groups that are kept. */
const MOST_BIND_GROUPS = 16_384;

/** Bind groups by pipeline and bindings: a training step that uses the same buffers as the one before needs no new ones. */
export class BindGroupCache {
  readonly #device: GPUDevice;
  readonly #onMake: () => void;
  readonly #groups = new Map<string, GPUBindGroup>();
  readonly #ids = new WeakMap<object, number>();
  #nextId = 0;

  /** @param options.onMake Told of each new one. */
  constructor(device: GPUDevice, { onMake }: { onMake: () => void }) {
    this.#device = device;
    this.#onMake = onMake;
  }

  of(pipeline: GPUComputePipeline, bindings: readonly GPUBufferBinding[]): GPUBindGroup {
    let key = `${this.#idOf(pipeline)}`;
    for (const { buffer, offset = 0, size = 0 } of bindings) key += `,${this.#idOf(buffer)}@${offset}+${size}`;
    const known = this.#groups.get(key);
    if (known) return known;
    this.#onMake();
    const entries = bindings.map((resource, binding) => ({ binding, resource }));
    const group = this.#device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    this.#groups.set(key, group);
    return group;
  }

  /** Forgets them if there are too many, or if their buffers may be gone. */
  trim({ all }: { all: boolean }): void {
    if (all || this.#groups.size > MOST_BIND_GROUPS) this.#groups.clear();
  }

  #idOf(object: object): number {
    let id = this.#ids.get(object);
    if (id === undefined) this.#ids.set(object, (id = this.#nextId++));
    return id;
  }
}
