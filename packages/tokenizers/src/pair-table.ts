/** An open-addressing hash table from pairs of 31-bit integers to an integer: merges, and edges of tries. */
export class PairTable {
  #first: Int32Array;
  #second: Int32Array;
  #value: Int32Array; // value + 1; 0 marks a free slot
  #size = 0;

  constructor(expected = 16) {
    let capacity = 32;
    while (capacity < expected * 2) capacity *= 2;
    this.#first = new Int32Array(capacity);
    this.#second = new Int32Array(capacity);
    this.#value = new Int32Array(capacity);
  }

  get size(): number {
    return this.#size;
  }

  /** The value of a pair, or -1. */
  get(first: number, second: number): number {
    const mask = this.#value.length - 1;
    let slot = hash(first, second) & mask;
    while (this.#value[slot] !== 0) {
      if (this.#first[slot] === first && this.#second[slot] === second) return (this.#value[slot] ?? 0) - 1;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  set(first: number, second: number, value: number): void {
    if ((this.#size + 1) * 2 > this.#value.length) this.#grow();
    const mask = this.#value.length - 1;
    let slot = hash(first, second) & mask;
    while (this.#value[slot] !== 0) {
      if (this.#first[slot] === first && this.#second[slot] === second) break;
      slot = (slot + 1) & mask;
    }
    if (this.#value[slot] === 0) this.#size++;
    this.#first[slot] = first;
    this.#second[slot] = second;
    this.#value[slot] = value + 1;
  }

  #grow(): void {
    const [first, second, value] = [this.#first, this.#second, this.#value];
    this.#first = new Int32Array(value.length * 2);
    this.#second = new Int32Array(value.length * 2);
    this.#value = new Int32Array(value.length * 2);
    this.#size = 0;
    for (let slot = 0; slot < value.length; slot++) {
      if (value[slot] !== 0) this.set(first[slot] ?? 0, second[slot] ?? 0, (value[slot] ?? 0) - 1);
    }
  }
}

function hash(first: number, second: number): number {
  let mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
