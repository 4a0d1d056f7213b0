/** Walking through broadcast tensors: outer axes from argument 10 on, strides of a from 18 on, of b from 26 on, in elements. */
import { argument } from './control';

export const STRIDES_A: i32 = 18, STRIDES_B: i32 = 26;

/** Where an outer row begins, in elements. */
export function outerOffset(row: i32, axes: i32, strides: i32): i32 {
  let offset = 0;
  for (let axis = axes - 1; axis >= 0; axis--) {
    const size = argument(10 + axis);
    offset += (row % size) * argument(strides + axis);
    row /= size;
  }
  return offset;
}
