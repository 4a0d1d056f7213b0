/** One axis of a loop over several tensors, with each tensor's stride along it. */
export interface LoopAxis {
  size: number;
  strides: number[];
}

/** Strides, in elements, of a contiguous tensor of `shape` that is broadcast to `target`; 0 where it is repeated. */
export function stridesFor(shape: readonly number[], target: readonly number[]): number[] {
  const strides = target.map(() => 0);
  let stride = 1;
  for (let i = 1; i <= shape.length; i++) {
    const size = shape[shape.length - i] as number;
    strides[target.length - i] = size === 1 ? 0 : stride;
    stride *= size;
  }
  return strides;
}

/** Merges neighbouring axes that all tensors walk through alike, and leaves out those of size 1. The last axis is the innermost. */
export function collapse(shape: readonly number[], strides: readonly (readonly number[])[]): LoopAxis[] {
  const axes: LoopAxis[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const here = strides.map((list) => list[axis] as number);
    const before = axes.at(-1);
    if (before && before.strides.every((stride, i) => stride === (here[i] as number) * size)) {
      before.size *= size;
      before.strides = here;
    } else axes.push({ size, strides: here });
  });
  return axes;
}
