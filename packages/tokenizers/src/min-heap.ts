/** A binary heap of numbers, smallest first. */
export class MinHeap {
  #items: Float64Array;
  #size = 0;

  constructor(capacity = 64) {
    this.#items = new Float64Array(Math.max(capacity, 4));
  }

  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#size = 0;
  }

  push(value: number): void {
    if (this.#size === this.#items.length) {
      const grown = new Float64Array(this.#size * 2);
      grown.set(this.#items);
      this.#items = grown;
    }
    const items = this.#items;
    let index = this.#size++;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = items[parent] ?? 0;
      if (above <= value) break;
      items[index] = above;
      index = parent;
    }
    items[index] = value;
  }

  /** The smallest number, removed; NaN when empty. */
  pop(): number {
    if (this.#size === 0) return Number.NaN;
    const items = this.#items;
    const smallest = items[0] ?? 0;
    const last = items[--this.#size] ?? 0;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && (items[child + 1] ?? 0) < (items[child] ?? 0)) child++;
      const below = items[child] ?? 0;
      if (below >= last) break;
      items[index] = below;
      index = child;
    }
    items[index] = last;
    return smallest;
  }
}
