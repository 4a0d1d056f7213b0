import { GPUOutOfMemoryError } from '../errors.ts';

/** What is kept beyond what was in use at once, so that other sizes may come: a share of it, and bytes. */
const SPARE_SHARE = 1.25;
const SPARE_BYTES = 64 * 2 ** 20;
/** Per submission; after a hundred of them, half of a peak is forgotten. */
const PEAK_DECAY = 0.993;
/** Submissions that a training step may take: what the last of them used is kept in any case, as the next step needs it again. */
const RECENT = 2;

/**
 * GPU buffers, reused by exact size and usage, the oldest first: a training step that needs the same ones as the last gets the same ones. Stands in for tfjs's BufferManager, whose methods it has; that one never gives anything back and looks
 * for a buffer to release from the start of a list.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #free = new Map<string, GPUBuffer[]>();
  readonly #used = new Set<GPUBuffer>();
  /** When each buffer was made. */
  readonly #numbers = new WeakMap<GPUBuffer, number>();
  /** After how many submissions each buffer was taken or given back last. */
  readonly #usedAt = new WeakMap<GPUBuffer, number>();
  #numMade = 0;
  #numSubmissions = 0;
  /** Most bytes in use since the last submission, and lately. */
  #highest = 0;
  #peak = 0;
  /** Told of each new buffer: its allocation may still fail on the device. */
  onFailure: (error: Error) => void = () => {};
  numBytesUsed = 0;
  numBytesAllocated = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  acquireBuffer(size: number, usage: GPUBufferUsageFlags, mappedAtCreation = false, reuse = true): GPUBuffer {
    const buffer =
      (reuse ? this.#free.get(keyOf(size, usage))?.pop() : undefined) ?? this.#create(size, usage, mappedAtCreation);
    this.#used.add(buffer);
    this.#usedAt.set(buffer, this.#numSubmissions);
    this.numBytesUsed += size;
    this.#highest = Math.max(this.#highest, this.numBytesUsed);
    return buffer;
  }

  releaseBuffer(buffer: GPUBuffer, reuse = true): void {
    if (!this.#used.delete(buffer)) return;
    this.numBytesUsed -= buffer.size;
    if (!reuse) return this.#destroy(buffer);
    this.#usedAt.set(buffer, this.#numSubmissions);
    const key = keyOf(buffer.size, buffer.usage);
    const list = this.#free.get(key);
    if (list) list.splice(this.#placeOf(buffer, list), 0, buffer);
    else this.#free.set(key, [buffer]);
  }

  /**
   * Once there is much more than was in use at once lately, destroys the free buffers that nothing has used lately. Only right after a submission: recorded commands may use
   * free buffers. Returns whether it did.
   */
  trim(): boolean {
    this.#peak = Math.max(this.#highest, PEAK_DECAY * this.#peak);
    this.#highest = this.numBytesUsed;
    const oldest = this.#numSubmissions++ - RECENT;
    const before = this.numBytesAllocated;
    if (before <= SPARE_SHARE * this.#peak + SPARE_BYTES) return false;
    for (const [key, list] of this.#free) {
      const [idle, kept]: [GPUBuffer[], GPUBuffer[]] = [[], []];
      for (const buffer of list) ((this.#usedAt.get(buffer) ?? 0) > oldest ? kept : idle).push(buffer);
      for (const buffer of idle) this.#destroy(buffer);
      if (kept.length > 0) this.#free.set(key, kept);
      else this.#free.delete(key);
    }
    return this.numBytesAllocated < before;
  }

  getNumUsedBuffers(): number {
    return this.#used.size;
  }

  getNumFreeBuffers(): number {
    return [...this.#free.values()].reduce((sum, list) => sum + list.length, 0);
  }

  dispose(): void {
    for (const buffer of [...this.#used, ...[...this.#free.values()].flat()]) this.#destroy(buffer);
    this.#used.clear();
    this.#free.clear();
    this.numBytesUsed = 0;
  }

  /** Where a buffer belongs in a list that begins with the newest. */
  #placeOf(buffer: GPUBuffer, list: readonly GPUBuffer[]): number {
    const number = this.#numbers.get(buffer) ?? 0;
    let [low, high] = [0, list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#numbers.get(list[middle] as GPUBuffer) ?? 0) > number) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #create(size: number, usage: GPUBufferUsageFlags, mappedAtCreation: boolean): GPUBuffer {
    const limit = Math.min(
      this.#device.limits.maxBufferSize,
      usage & GPUBufferUsage.STORAGE ? this.#device.limits.maxStorageBufferBindingSize : Infinity,
    );
    const figures = { wantedBytes: size, liveBytes: this.numBytesUsed };
    if (size > limit) throw new GPUOutOfMemoryError({ ...figures, limit });
    this.#device.pushErrorScope('out-of-memory');
    const buffer = this.#device.createBuffer({ size, usage, mappedAtCreation });
    void this.#device.popErrorScope().then(
      (error) => error && this.onFailure(new GPUOutOfMemoryError(figures)),
      () => {}, // the device is lost, which is told elsewhere
    );
    this.#numbers.set(buffer, this.#numMade++);
    this.numBytesAllocated += size;
    return buffer;
  }

  #destroy(buffer: GPUBuffer): void {
    this.numBytesAllocated -= buffer.size;
    buffer.destroy();
  }
}

function keyOf(size: number, usage: GPUBufferUsageFlags): string {
  return `${size}_${usage}`;
}
