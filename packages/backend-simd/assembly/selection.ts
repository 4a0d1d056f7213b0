/** Places of extremes, largest values, running sums. Tensors are [outer, axis, inner]. */
import { argument, nextUnit, pointer } from './control';

@inline function at(base: usize, index: i32): usize {
  return base + (<usize>index << 2);
}

/** The first place of the largest (code 0) or smallest (1) value. Arguments: 0 code, 1 outer, 2 axis, 3 inner, 4 x, 5 y (int32). */
export function argExtreme(_thread: i32): void {
  const smallest = argument(0) != 0, outer = argument(1), axis = argument(2), inner = argument(3), x = pointer(4), y = pointer(5);
  for (;;) {
    const row = nextUnit(0);
    if (row >= outer) return;
    for (let column = 0; column < inner; column++) {
      const source = at(x, row * axis * inner + column);
      let best = load<f32>(source), place = 0;
      for (let i = 1; i < axis; i++) {
        const value = load<f32>(at(source, i * inner));
        if (smallest ? value < best : value > best) {
          best = value;
          place = i;
        }
      }
      store<i32>(at(y, row * inner + column), place);
    }
  }
}

@inline function accumulate(code: i32, previous: usize, x: usize, y: usize): void {
  if (code == 0) store<f32>(y, load<f32>(previous) + load<f32>(x));
  else if (code == 1) store<f32>(y, load<f32>(previous) * load<f32>(x));
  else store<i32>(y, load<i32>(previous) + load<i32>(x));
}

/**
 * Running sums (code 0), products (1), sums of int32 (2) along the axis. Arguments: 0 code, 1 outer, 2 axis, 3 inner, 4 x, 5 y, 6 whether each place leaves
 * itself out, 7 whether it goes from the end.
 */
export function cumulate(_thread: i32): void {
  const code = argument(0), outer = argument(1), axis = argument(2), inner = argument(3), x = pointer(4), y = pointer(5), exclusive = argument(6), backwards = argument(7) != 0;
  const first: u32 = code == 1 ? reinterpret<u32>(<f32>1) : 0;
  for (;;) {
    const row = nextUnit(0);
    if (row >= outer) return;
    for (let step = 0; step < axis; step++) {
      const here = (row * axis + (backwards ? axis - 1 - step : step)) * inner, before = backwards ? here + inner : here - inner;
      for (let column = 0; column < inner; column++) {
        const target = at(y, here + column);
        if (step == 0) store<u32>(target, exclusive ? first : load<u32>(at(x, here + column)));
        else accumulate(code, at(y, before + column), at(x, (exclusive ? before : here) + column), target);
      }
    }
  }
}

/** The k largest values of each row in order, the earlier of equal ones first. Arguments: 0 rows, 1 size of a row, 2 k, 3 x, 4 values, 5 their places. */
export function topValues(_thread: i32): void {
  const count = argument(0), size = argument(1), k = argument(2), x = pointer(3);
  for (;;) {
    const row = nextUnit(0);
    if (row >= count) return;
    const source = at(x, row * size), values = at(pointer(4), row * k), places = at(pointer(5), row * k);
    let kept = 0;
    for (let i = 0; i < size; i++) {
      const value = load<f32>(at(source, i));
      if (kept == k && !(value > load<f32>(at(values, k - 1)))) continue;
      let j = kept < k ? kept++ : k - 1;
      for (; j > 0 && value > load<f32>(at(values, j - 1)); j--) {
        store<f32>(at(values, j), load<f32>(at(values, j - 1)));
        store<i32>(at(places, j), load<i32>(at(places, j - 1)));
      }
      store<f32>(at(values, j), value);
      store<i32>(at(places, j), i);
    }
  }
}
