import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { type backend_util, type DataId, type DataType, type TensorInfo, util } from '@tensorflow/tfjs-core';

import type { PackedMatrix } from './engine/matrix-product.ts';
import type { WasmEngine } from './engine/wasm-engine.ts';

type Values = backend_util.BackendValues;
type Numbers = Float32Array | Int32Array | Uint8Array;

/** What a forward kernel leaves for its backward kernel: blocks of memory that live as long as the output's data. */
export type SideResults = Readonly<Record<string, number>>;

/** The values of tensors in the engine's memory. The names are those that tfjs's own kernels read. */
class MemoryEntry {
  readonly dtype: DataType;
  readonly address: number;
  readonly length: number;
  refCount = 1;
  readonly complexTensorInfos: undefined = undefined;
  side: SideResults | undefined = undefined;
  /** As a weight of products: how often it was used as it is, and where it is kept packed. */
  products = 0;
  packed: number | undefined = undefined;
  readonly #engine: WasmEngine;

  constructor(engine: WasmEngine, dtype: DataType, { address, length }: { address: number; length: number }) {
    this.#engine = engine;
    this.dtype = dtype;
    this.address = address;
    this.length = length;
  }

  /** A view: later kernels may overwrite it once the tensor is disposed. */
  get values(): Numbers {
    const { buffer } = this.#engine.memory.memory;
    if (this.dtype === 'float32') return new Float32Array(buffer, this.address, this.length);
    return this.dtype === 'int32'
      ? new Int32Array(buffer, this.address, this.length)
      : new Uint8Array(buffer, this.address, this.length);
  }

  set values(values: Numbers) {
    this.values.set(values);
  }
}

/** Strings and complex numbers stay in JavaScript, for tfjs's own kernels. */
interface ScriptEntry {
  readonly dtype: DataType;
  values?: Values;
  refCount: number;
  complexTensorInfos?: { real: TensorInfo; imag: TensorInfo };
}

type Entry = MemoryEntry | ScriptEntry;

interface DataMap {
  get(dataId: DataId): Entry;
  set(dataId: DataId, entry: Entry): void;
  has(dataId: DataId): boolean;
  delete(dataId: DataId): boolean;
}

/** The tfjs backend: tfjs-backend-cpu, with the values of all tensors in the memory of a {@link WasmEngine}. */
export class SimdBackend extends MathBackendCPU {
  readonly engine: WasmEngine;
  #nextId = 0;
  /** Weights that are kept packed. */
  readonly #packed = new Set<MemoryEntry>();

  constructor(engine: WasmEngine) {
    super();
    this.engine = engine;
    engine.onShortage = () => {
      const entries = [...this.#packed];
      for (const entry of entries) this.#unpack(entry);
      return entries.length > 0;
    };
  }

  get #entries(): DataMap {
    return this.data as unknown as DataMap;
  }

  /** Address of a tensor's values. */
  address({ dataId }: TensorInfo): number {
    const entry = this.#entries.get(dataId);
    if (!(entry instanceof MemoryEntry)) throw new Error(`formers-simd: a ${entry.dtype} tensor has no address`);
    return entry.address;
  }

  /** A view on a tensor's values, valid until the next allocation. */
  values({ dataId }: TensorInfo): Numbers {
    return (this.#entries.get(dataId) as MemoryEntry).values;
  }

  /** A new tensor; its content is anything. */
  output(shape: readonly number[], dtype: 'float32' | 'int32' | 'bool' = 'float32'): TensorInfo {
    const length = util.sizeFromShape([...shape]);
    const address = this.engine.allocate(length * (dtype === 'bool' ? 1 : 4));
    return { dataId: this.#add(new MemoryEntry(this.engine, dtype, { address, length })), shape: [...shape], dtype };
  }

  /** A second handle to a tensor's values, of any shape of that size. */
  alias({ dataId, shape, dtype }: TensorInfo, as: readonly number[] = shape): TensorInfo {
    this.incRef(dataId);
    return { dataId, shape: [...as], dtype };
  }

  /** Hangs blocks of memory on a tensor's values; they are freed together. */
  attach({ dataId }: TensorInfo, side: SideResults): void {
    (this.#entries.get(dataId) as MemoryEntry).side = side;
  }

  /** What {@link attach} left there. */
  side({ dataId }: TensorInfo): SideResults {
    const entry = this.#entries.get(dataId);
    if (!(entry instanceof MemoryEntry) || !entry.side)
      throw new Error('formers-simd: a gradient kernel was called on an output that its forward kernel did not make');
    return entry.side;
  }

  /** Room for a packed weight, from its second product on; it is kept until the weight changes or memory is short. */
  keepPacked({ dataId }: TensorInfo, bytes: number): PackedMatrix | undefined {
    const entry = this.#entries.get(dataId) as MemoryEntry;
    if (entry.packed !== undefined) return { address: entry.packed, isReady: true };
    if (++entry.products < 2) return undefined;
    const address = this.engine.allocateIfRoom(bytes);
    if (address === undefined) return undefined;
    entry.packed = address;
    this.#packed.add(entry);
    return { address, isReady: false };
  }

  /** To be told of tensors that a kernel writes into. */
  changed({ dataId }: TensorInfo): void {
    const entry = this.#entries.get(dataId);
    if (entry instanceof MemoryEntry) this.#unpack(entry);
  }

  #unpack(entry: MemoryEntry): void {
    entry.products = 0;
    if (entry.packed === undefined) return;
    this.engine.free(entry.packed);
    entry.packed = undefined;
    this.#packed.delete(entry);
  }

  #add(entry: Entry): DataId {
    const dataId = { id: this.#nextId++ };
    this.#entries.set(dataId, entry);
    return dataId;
  }

  override write(values: Values | undefined, shape: number[], dtype: DataType): DataId {
    return this.#add(this.#entry(values, shape, dtype));
  }

  override move(dataId: DataId, values: Values, shape: number[], dtype: DataType, refCount: number): void {
    const entry = this.#entry(values, shape, dtype);
    entry.refCount = refCount;
    this.#entries.set(dataId, entry);
  }

  #entry(values: Values | undefined, shape: number[], dtype: DataType): Entry {
    if (dtype === 'string' || dtype === 'complex64') return { dtype, refCount: 1, ...(values && { values }) };
    const length = values?.length ?? util.sizeFromShape(shape);
    const address = this.engine.allocate(length * (dtype === 'bool' ? 1 : 4));
    const entry = new MemoryEntry(this.engine, dtype, { address, length });
    if (values) entry.values = values as Numbers;
    else entry.values.fill(0);
    return entry;
  }

  override readSync(dataId: DataId): Values {
    const entry = this.#entries.get(dataId);
    return entry instanceof MemoryEntry ? entry.values.slice() : super.readSync(dataId);
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.#entries.has(dataId)) return true;
    const entry = this.#entries.get(dataId);
    if (!(entry instanceof MemoryEntry)) return super.disposeData(dataId, force);
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    this.#unpack(entry);
    this.engine.free(entry.address);
    if (entry.side) for (const address of Object.values(entry.side)) if (address) this.engine.free(address);
    this.#entries.delete(dataId);
    return true;
  }

  override memory(): ReturnType<MathBackendCPU['memory']> {
    const { live, peak, pooled, reserved } = this.engine.figures;
    const figures = {
      unreliable: false,
      reasons: [],
      numBytesLive: live,
      numBytesPeak: peak,
      numBytesPooled: pooled,
      numBytesReserved: reserved,
    };
    return figures;
  }

  /** Frees the memory. The engine's workers sleep on: tfjs may ask for this backend again. */
  override dispose(): void {
    this.#packed.clear();
    this.engine.clear();
  }
}
