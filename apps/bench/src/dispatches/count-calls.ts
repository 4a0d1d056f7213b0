/** Calls of the WebGPU API, by the names of the methods, and dispatches by the labels of their pipelines. */
export class CallCounter {
  readonly calls: Map<string, number> = new Map();
  readonly dispatches: Map<string, number> = new Map();
  /** Whether dispatches are made, or only counted: then large models need no time. */
  isRunning = true;
  #label = '';

  /** Counts all calls of this process from now on, which leaves WebGPU's classes changed; they must be there. */
  constructor() {
    for (const [name, methods] of Object.entries(COUNTED)) {
      const { prototype } = (globalThis as unknown as Record<string, { prototype: Record<string, Method> }>)[name] ?? {
        prototype: {},
      };
      for (const method of methods) this.#count(prototype, method);
    }
  }

  /** Begins at zero. */
  reset(): void {
    this.calls.clear();
    this.dispatches.clear();
  }

  #count(prototype: Record<string, Method>, method: string): void {
    const original = prototype[method] as Method;
    const note = (values: readonly unknown[]): boolean => {
      this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
      if (method === 'setPipeline') this.#label = (values[0] as GPUComputePipeline).label;
      if (method !== 'dispatchWorkgroups') return true;
      this.dispatches.set(this.#label, (this.dispatches.get(this.#label) ?? 0) + 1);
      return this.isRunning;
    };
    prototype[method] = function counted(this: unknown, ...values: unknown[]): unknown {
      return note(values) ? original.apply(this, values) : undefined;
    };
  }
}

type Method = (this: unknown, ...values: unknown[]) => unknown;

/** What a program pays for when it records and submits commands. */
const COUNTED: Readonly<Record<string, readonly string[]>> = {
  GPUDevice: ['createBuffer', 'createBindGroup'],
  GPUQueue: ['submit', 'writeBuffer'],
  GPUCommandEncoder: ['beginComputePass', 'copyBufferToBuffer'],
  GPUComputePassEncoder: ['setPipeline', 'setBindGroup', 'dispatchWorkgroups'],
};
