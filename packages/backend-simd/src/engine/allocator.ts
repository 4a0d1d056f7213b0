import { OutOfMemoryError } from '../errors.ts';

/** Where an {@link Allocator} gets its memory: addresses below `size` may be handed out. */
export interface GrowableMemory {
  readonly size: number;
  /** Tries to grow by at least `bytes`; says whether it did. */
  grow(bytes: number): boolean;
}

/** Figures of an {@link Allocator}, in bytes. */
export interface MemoryFigures {
  /** In blocks that are in use. */
  readonly live: number;
  /** The most that was in use at once. */
  readonly peak: number;
  /** In blocks that are free and kept for the next use. */
  readonly pooled: number;
  /** Ever taken from the system; WASM memory never shrinks. */
  readonly reserved: number;
}

const ALIGNMENT = 64;

/**
 * Hands out blocks of one growing memory. Training asks for the same sizes step after step, so a freed block is kept in a bin of its exact size; bins are
 * merged and cut into other sizes before more memory is taken.
 */
export class Allocator {
  readonly #memory: GrowableMemory;
  readonly #base: number;
  readonly #sizes = new Map<number, number>();
  readonly #bins = new Map<number, number[]>();
  #top: number;
  #live = 0;
  #peak = 0;
  #pooled = 0;
  #freedSinceMerge = 0;
  #held: number[] | undefined;

  constructor(memory: GrowableMemory, base: number) {
    this.#memory = memory;
    this.#base = base;
    this.#top = base;
  }

  /** Frees everything at once. */
  clear(): void {
    this.#sizes.clear();
    this.#bins.clear();
    this.#top = this.#base;
    this.#live = 0;
    this.#pooled = 0;
    this.#freedSinceMerge = 0;
  }

  get figures(): MemoryFigures {
    return { live: this.#live, peak: this.#peak, pooled: this.#pooled, reserved: this.#memory.size };
  }

  /** A block of at least `bytes`, aligned to 64 bytes and ending on a multiple of 64; its content is anything. @throws {@link OutOfMemoryError} */
  allocate(bytes: number): number {
    const size = roundUp(bytes);
    const address =
      this.#take(size) ?? this.#mergeAndSplit(size, false) ?? this.#extend(size) ?? this.#mergeAndSplit(size, true);
    if (address === undefined) throw new OutOfMemoryError({ wantedBytes: size, liveBytes: this.#live });
    this.#live += this.#sizes.get(address) ?? 0;
    this.#peak = Math.max(this.#peak, this.#live);
    return address;
  }

  free(address: number): void {
    if (this.#held) {
      this.#held.push(address);
      return;
    }
    const size = this.#sizes.get(address);
    if (size === undefined) return;
    this.#sizes.delete(address);
    this.#live -= size;
    this.#freedSinceMerge += size;
    this.#keep(address, size);
  }

  /** Runs `f`; what it frees keeps its content until it is done. */
  holdFreed<T>(f: () => T): T {
    if (this.#held) return f();
    const held: number[] = [];
    this.#held = held;
    try {
      return f();
    } finally {
      this.#held = undefined;
      for (const address of held) this.free(address);
    }
  }

  #keep(address: number, size: number): void {
    this.#pooled += size;
    const bin = this.#bins.get(size);
    if (bin) bin.push(address);
    else this.#bins.set(size, [address]);
  }

  #take(size: number): number | undefined {
    const address = this.#bins.get(size)?.pop();
    if (address === undefined) return undefined;
    this.#pooled -= size;
    this.#sizes.set(address, size);
    return address;
  }

  #smallestBin(from: number): number | undefined {
    let best: number | undefined;
    for (const [size, bin] of this.#bins) {
      if (bin.length > 0 && size >= from && (best === undefined || size < best)) best = size;
    }
    return best;
  }

  /** Cuts the wanted size off the smallest free block that holds it; merges free blocks first where many are new, or `urgent`. */
  #mergeAndSplit(size: number, urgent: boolean): number | undefined {
    if (!urgent && this.#pooled < size) return undefined;
    if (urgent || this.#freedSinceMerge > this.#pooled / 2) this.#merge();
    const fit = this.#smallestBin(size);
    if (fit === undefined) return urgent ? this.#extend(size) : undefined;
    const address = this.#take(fit) as number;
    if (fit - size >= ALIGNMENT) {
      this.#sizes.set(address, size);
      this.#keep(address + size, fit - size);
    }
    return address;
  }

  #merge(): void {
    const blocks = [...this.#bins].flatMap(([size, addresses]) => addresses.map((address) => ({ address, size })));
    blocks.sort((a, b) => a.address - b.address);
    this.#bins.clear();
    this.#pooled = 0;
    this.#freedSinceMerge = 0;
    const merged: { address: number; size: number }[] = [];
    for (const block of blocks) {
      const before = merged.at(-1);
      if (before && before.address + before.size === block.address) before.size += block.size;
      else merged.push(block);
    }
    const highest = merged.at(-1);
    if (highest && highest.address + highest.size === this.#top) {
      this.#top = highest.address;
      merged.pop();
    }
    for (const { address, size } of merged) this.#keep(address, size);
  }

  #extend(size: number): number | undefined {
    const missing = this.#top + size - this.#memory.size;
    if (missing > 0 && !this.#memory.grow(missing)) return undefined;
    const address = this.#top;
    this.#top += size;
    this.#sizes.set(address, size);
    return address;
  }
}

/** Up to a multiple of 64 bytes; above a kilobyte to one of 17..32 steps per power of two, so that sizes that are nearly equal share a bin. */
function roundUp(bytes: number): number {
  const step = bytes <= 1024 ? ALIGNMENT : Math.max(ALIGNMENT, 2 ** (Math.floor(Math.log2(bytes)) - 5));
  return Math.max(step, Math.ceil(bytes / step) * step);
}
