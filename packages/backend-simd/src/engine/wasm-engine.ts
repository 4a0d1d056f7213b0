import { Allocator, type MemoryFigures } from './allocator.ts';
import { mayWait } from './platform.ts';
import { startWorker } from './threads.ts';
import { WasmMemory } from './wasm-memory.ts';

/** Columns of the register tile of the matrix product, which has 6 rows: 16 suit AVX2, 8 suit 128-bit SIMD. */
export type TileColumns = 8 | 16;

/** How an engine is set up. */
export interface WasmEngineOptions {
  readonly module: WebAssembly.Module;
  readonly threads: number;
  readonly maximumBytes?: number | undefined;
}

type KernelFunction = (thread: number) => void;

interface Control {
  argumentsAddress(): number;
  queueAddress(): number;
  configure(tileColumns: number, mayWait: number): void;
  resetUnits(): void;
  /** Jobs that aren't done. */
  pending(): number;
  put(): void;
  /** The next kernel to run until at most `most` jobs are left, then -1; `finish` follows each. */
  drain(most: number): number;
  finish(): void;
  end(): void;
  helpersOfLastJob(): number;
}

/** The queue of jobs, as in assembly/control.ts: a kernel, whether it is shared, and its arguments. */
const CAPACITY = 256;
const JOB_WORDS = 64;
const FIRST_ARGUMENT = 2;

/** Addresses below hold the control block, constants of the kernels and the queue. */
const HEAP_BASE = 2 * 65536;

/**
 * The kernels, the memory that they work on, and the threads that run them.
 *
 * With more than one thread, kernels are put into a queue: the other threads begin while the calling one prepares the next kernel, and it helps as soon as it
 * wants to see memory. Memory is used again in the order of the calls, so nothing else has to know.
 */
export class WasmEngine {
  readonly threads: number;
  /** Frees what can be done without, when memory is short; says whether there was anything. */
  onShortage: (() => boolean) | undefined;
  readonly #allocator: Allocator;
  readonly #memory: WasmMemory;
  readonly #control: Control;
  readonly #kernels = new Map<string, { readonly id: number; readonly run: KernelFunction }>();
  readonly #byId: (KernelFunction | undefined)[];
  readonly #arguments: number;
  readonly #queue: number;
  /** Jobs ever put into the queue. */
  #jobs = 0;
  readonly #scratch: Record<'shared' | 'perThread', { address: number; bytes: number }> = {
    shared: { address: 0, bytes: 0 },
    perThread: { address: 0, bytes: 0 },
  };
  #tileColumns: TileColumns = 16;
  #journal: number[] | undefined;

  private constructor(memory: WasmMemory, { module, threads }: WasmEngineOptions) {
    this.#memory = memory;
    this.threads = threads;
    this.#allocator = new Allocator(memory, HEAP_BASE);
    const { exports } = new WebAssembly.Instance(module, { env: { memory: memory.memory, abort } });
    this.#control = exports as unknown as Control;
    this.#arguments = this.#control.argumentsAddress() / 4;
    this.#queue = this.#control.queueAddress() / 4;
    this.#byId = WebAssembly.Module.exports(module).map(({ name, kind }, id) => {
      if (kind !== 'function') return undefined;
      const run = exports[name] as KernelFunction;
      this.#kernels.set(name, { id, run });
      return run;
    });
    this.tileColumns = 16;
  }

  /** Starts the workers too; one thread is the caller's. */
  static async start(options: WasmEngineOptions): Promise<WasmEngine> {
    const engine = new WasmEngine(new WasmMemory(options.maximumBytes), options);
    const { memory } = engine.#memory;
    const workers = Array.from({ length: options.threads - 1 }, (_, i) =>
      startWorker({ module: options.module, memory, thread: i + 1 }),
    );
    await Promise.all(workers);
    return engine;
  }

  /** The memory, once all kernels that were run are done: to be asked for anew after each. */
  get memory(): WasmMemory {
    if (this.threads > 1) this.#drain(0);
    return this.#memory;
  }

  get tileColumns(): TileColumns {
    return this.#tileColumns;
  }

  set tileColumns(columns: TileColumns) {
    if (this.threads > 1) this.#drain(0);
    this.#tileColumns = columns;
    this.#control.configure(columns, mayWait() ? 1 : 0);
  }

  get figures(): MemoryFigures {
    return this.#allocator.figures;
  }

  /** How many workers took part in the last job that was shared. */
  get helpers(): number {
    if (this.threads > 1) this.#drain(0);
    return this.#control.helpersOfLastJob();
  }

  /** A block of memory; its content is anything. @throws `OutOfMemoryError` */
  allocate(bytes: number): number {
    const address = this.#allocate(bytes);
    this.#journal?.push(address);
    return address;
  }

  #allocate(bytes: number): number {
    try {
      return this.#allocator.allocate(bytes);
    } catch (error) {
      if (!this.onShortage?.()) throw error;
      return this.#allocator.allocate(bytes);
    }
  }

  /** A block for what can be done without, which outlives the running kernel; undefined when memory is short. */
  allocateIfRoom(bytes: number): number | undefined {
    try {
      return this.#allocator.allocate(bytes);
    } catch {
      return undefined;
    }
  }

  /** Runs `f`, a kernel; if it throws, what it allocated is free again. */
  atomically<T>(f: () => T): T {
    const outer = this.#journal;
    const journal: number[] = [];
    this.#journal = journal;
    try {
      return f();
    } catch (error) {
      for (const address of journal) this.#allocator.free(address);
      throw error;
    } finally {
      this.#journal = outer;
    }
  }

  free(address: number): void {
    this.#allocator.free(address);
  }

  /** Runs `f`, a kernel of tfjs's that may go on reading the values of tensors that it has disposed. */
  holdFreed<T>(f: () => T): T {
    return this.#allocator.holdFreed(f);
  }

  /** Frees all memory; the workers stay. */
  clear(): void {
    this.#allocator.clear();
    for (const block of Object.values(this.#scratch)) Object.assign(block, { address: 0, bytes: 0 });
  }

  /** Memory for the time of one kernel. */
  scratch(bytes: number): number {
    return this.#grown('shared', bytes);
  }

  /** The same, `bytes` for each thread: the address of the first thread's and the distance to the next. */
  threadScratch(bytes: number): [address: number, stride: number] {
    const stride = Math.ceil(bytes / 4096) * 4096;
    return [this.#grown('perThread', stride * this.threads), stride];
  }

  #grown(kind: 'shared' | 'perThread', bytes: number): number {
    const block = this.#scratch[kind];
    if (block.bytes < bytes) {
      const address = this.#allocate(bytes); // stays when the kernel fails
      if (block.address) this.free(block.address);
      Object.assign(block, { address, bytes });
    }
    return block.address;
  }

  /**
   * Runs a kernel, at once or when those before it are done.
   *
   * @param integers The arguments in order; addresses and counts.
   * @param options.floats Arguments that are floats, by position.
   * @param options.work Rough number of elements or multiply-adds; small jobs aren't worth sharing.
   */
  run(
    kernel: string,
    integers: readonly number[],
    { floats, work }: { floats?: Readonly<Record<number, number>>; work: number },
  ): void {
    const entry = this.#kernels.get(kernel);
    if (!entry) throw new Error(`formers-simd: there is no kernel ${kernel}`);
    const { i32, f32 } = this.#memory;
    const shared = work >= SMALL;
    const atOnce = this.threads === 1 || (!shared && this.#control.pending() === 0);
    let base = this.#arguments;
    if (!atOnce) {
      if (this.#control.pending() >= CAPACITY) this.#drain(CAPACITY / 2);
      const job = this.#queue + (this.#jobs++ % CAPACITY) * JOB_WORDS;
      i32[job] = entry.id;
      i32[job + 1] = shared ? 1 : 0;
      base = job + FIRST_ARGUMENT;
    }
    for (let i = 0; i < integers.length; i++) i32[base + i] = integers[i] as number;
    for (const i in floats) f32[base + Number(i)] = floats[i as unknown as number] as number;
    if (atOnce) {
      this.#control.resetUnits();
      entry.run(0);
    } else this.#control.put();
  }

  /** Takes part in what is in the queue until at most `most` jobs are left. */
  #drain(most: number): void {
    for (let kernel = this.#control.drain(most); kernel >= 0; kernel = this.#control.drain(most)) {
      this.#byId[kernel]?.(0);
      this.#control.finish();
    }
  }

  /** Ends the workers. */
  stop(): void {
    if (this.threads === 1) return;
    this.#drain(0);
    this.#control.end();
  }
}

/** Elements (or their equal in multiply-adds, counted 16 for one) from which on a job is shared. */
const SMALL = 16384;

function abort(): never {
  throw new Error('formers-simd: kernel aborted');
}
