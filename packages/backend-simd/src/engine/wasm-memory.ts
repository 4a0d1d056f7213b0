import type { GrowableMemory } from './allocator.ts';

const PAGE = 65536;
const MAXIMUM_PAGES = 65536; // 4 GB
/** Asks for this much at once, or an eighth of what there is. */
const GROWTH = 4 * 2 ** 20;

/** The one WASM memory of an engine, with views that follow its growth. */
export class WasmMemory implements GrowableMemory {
  readonly memory: WebAssembly.Memory;
  i32!: Int32Array;
  f32!: Float32Array;
  u8!: Uint8Array;
  readonly #maximumBytes: number;

  constructor(maximumBytes: number = MAXIMUM_PAGES * PAGE) {
    this.#maximumBytes = maximumBytes;
    this.memory = new WebAssembly.Memory({ initial: 64, maximum: MAXIMUM_PAGES, shared: true });
    this.#refresh();
  }

  get size(): number {
    return this.u8.length;
  }

  grow(bytes: number): boolean {
    const room = this.#maximumBytes - this.size;
    for (const wanted of [Math.max(bytes, GROWTH, this.size / 8), bytes]) {
      if (bytes > room) return false;
      try {
        this.memory.grow(Math.ceil(Math.min(wanted, room) / PAGE));
        this.#refresh();
        return true;
      } catch {
        // The system has less than that; try with what is needed alone.
      }
    }
    return false;
  }

  #refresh(): void {
    const { buffer } = this.memory;
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }
}
