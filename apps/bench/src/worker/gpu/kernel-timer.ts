import type { KernelTime } from '../../harness/tasks.ts';

/** A query set holds at most this many times. */
const SET_SIZE = 4096;
const QUERY_RESOLVE = 0x200;

/** When a dispatch began and ended, by the GPU's clock. */
interface TimedDispatch {
  readonly label: string;
  readonly set: GPUQuerySet;
  readonly at: number;
}

/**
 * Times every dispatch by the GPU's own clock. From the moment it is made, WebGPU's classes are changed so that each dispatch of this process is a compute pass of its own,
 * with a time at both ends; so the whole step takes longer than it does without.
 */
export class KernelTimer {
  #device: GPUDevice | undefined;
  readonly #sets: GPUQuerySet[] = [];
  #dispatches: TimedDispatch[] = [];

  /** WebGPU's classes must be there. */
  constructor() {
    const note = (device: GPUDevice): void => void (this.#device = device);
    const begin = (start: (descriptor: GPUComputePassDescriptor) => GPUComputePassEncoder): GPUComputePassEncoder =>
      new TimedPass((label) => start(this.#next(label))) as unknown as GPUComputePassEncoder;
    replace(
      GPUDevice.prototype,
      'createCommandEncoder',
      (create) =>
        function noted(this: GPUDevice, ...values: unknown[]) {
          note(this);
          return create.apply(this, values);
        },
    );
    replace(
      GPUCommandEncoder.prototype,
      'beginComputePass',
      (original) =>
        function timed(this: GPUCommandEncoder) {
          return begin((descriptor) => original.call(this, descriptor) as GPUComputePassEncoder);
        },
    );
  }

  /** Milliseconds of all dispatches since the last call, by the labels of their pipelines, the longest first. Everything must have been submitted. */
  async read(): Promise<KernelTime[]> {
    const dispatches = this.#dispatches;
    this.#dispatches = [];
    const times = new Map<GPUQuerySet, BigUint64Array>();
    for (const set of new Set(dispatches.map(({ set }) => set))) times.set(set, await this.#resolve(set));
    const kernels = new Map<string, { dispatches: number; milliseconds: number }>();
    let before = 0n;
    for (const { label, set, at } of dispatches) {
      const [begun = 0n, ended = 0n] = times.get(set)?.subarray(at, at + 2) ?? [];
      // A pass may begin before the one before it has ended, and wait for it.
      const from = begun > before ? begun : before;
      const kernel = kernels.get(label) ?? { dispatches: 0, milliseconds: 0 };
      kernel.dispatches++;
      if (ended > from) kernel.milliseconds += Number(ended - from) / 1e6;
      kernels.set(label, kernel);
      if (ended > before) before = ended;
    }
    return [...kernels]
      .map(([label, kernel]) => ({ label, ...kernel }))
      .toSorted((a, b) => b.milliseconds - a.milliseconds);
  }

  /** A pass that is timed. */
  #next(label: string): GPUComputePassDescriptor {
    const index = 2 * this.#dispatches.length;
    const [number, at] = [Math.floor(index / SET_SIZE), index % SET_SIZE];
    this.#sets[number] ??= (this.#device as GPUDevice).createQuerySet({ type: 'timestamp', count: SET_SIZE });
    const set = this.#sets[number];
    this.#dispatches.push({ label, set, at });
    return { timestampWrites: { querySet: set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 } };
  }

  async #resolve(set: GPUQuerySet): Promise<BigUint64Array> {
    const device = this.#device as GPUDevice;
    const size = 8 * SET_SIZE;
    const resolved = device.createBuffer({ size, usage: QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    encoder.resolveQuerySet(set, 0, SET_SIZE, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, size);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(GPUMapMode.READ);
    const times = new BigUint64Array(read.getMappedRange().slice(0));
    resolved.destroy();
    read.destroy();
    return times;
  }
}

/** What engines call of a compute pass; begins a real one for each dispatch. */
class TimedPass {
  readonly #start: (label: string) => GPUComputePassEncoder;
  #pipeline: GPUComputePipeline | undefined;
  readonly #groups = new Map<number, GPUBindGroup>();

  constructor(start: (label: string) => GPUComputePassEncoder) {
    this.#start = start;
  }

  setPipeline(pipeline: GPUComputePipeline): void {
    this.#pipeline = pipeline;
  }

  setBindGroup(index: number, group: GPUBindGroup): void {
    this.#groups.set(index, group);
  }

  dispatchWorkgroups(...counts: [number, number?, number?]): void {
    this.#dispatch((pass) => pass.dispatchWorkgroups(...counts));
  }

  dispatchWorkgroupsIndirect(buffer: GPUBuffer, offset: number): void {
    this.#dispatch((pass) => pass.dispatchWorkgroupsIndirect(buffer, offset));
  }

  end(): void {}

  #dispatch(run: (pass: GPUComputePassEncoder) => void): void {
    const pipeline = this.#pipeline as GPUComputePipeline;
    const pass = this.#start(pipeline.label || 'without a label');
    pass.setPipeline(pipeline);
    for (const [index, group] of this.#groups) pass.setBindGroup(index, group);
    run(pass);
    pass.end();
  }
}

type Method = (this: unknown, ...values: unknown[]) => unknown;

/** Puts a method in another one's place. */
function replace(prototype: object, name: string, wrap: (original: Method) => unknown): void {
  const methods = prototype as Record<string, unknown>;
  methods[name] = wrap(methods[name] as Method);
}
