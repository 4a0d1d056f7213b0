/** Numbers with a shape, on the CPU. */
export class Features {
  readonly data: Float32Array;
  /** Sizes of the axes. */
  readonly dims: readonly number[];

  constructor(data: Float32Array, dims: readonly number[]) {
    this.data = data;
    this.dims = dims;
  }

  /** Vectors of one length as [vectors, dim]. */
  static stacked(vectors: readonly Float32Array[]): Features {
    const dim = vectors[0]?.length ?? 0;
    const data = new Float32Array(vectors.length * dim);
    for (const [i, vector] of vectors.entries()) data.set(vector, i * dim);
    return new Features(data, [vectors.length, dim]);
  }

  /** Lists of vectors as [lists, longest, dim], with zeros after the shorter ones. */
  static padded(lists: readonly (readonly Float32Array[])[]): Features {
    const dim = lists.find((list) => list.length > 0)?.[0]?.length ?? 0;
    const longest = lists.reduce((most, list) => Math.max(most, list.length), 0);
    const data = new Float32Array(lists.length * longest * dim);
    for (const [i, list] of lists.entries())
      for (const [j, vector] of list.entries()) data.set(vector, (i * longest + j) * dim);
    return new Features(data, [lists.length, longest, dim]);
  }

  /** The numbers in nested arrays: [texts][dim] or [texts][seq][dim]. */
  tolist(): number[][] | number[][][] {
    const rows = (start: number, dims: readonly number[]): number[][] => {
      const [count = 0, dim = 0] = dims;
      return Array.from({ length: count }, (_, i) => [...this.data.subarray(start + i * dim, start + (i + 1) * dim)]);
    };
    const [count = 0, ...inner] = this.dims;
    if (inner.length < 2) return rows(0, this.dims);
    const size = inner.reduce((a, b) => a * b, 1);
    return Array.from({ length: count }, (_, i) => rows(i * size, inner));
  }
}
