/** Cross-entropy of softmax(logits) against class ids; rows of `classes` floats. */
import { argument, nextUnit, number, pointer } from './control';
import * as rows from './rows';
import { expOrZero4 } from './vector';

const ROWS: i32 = 16;

/** Sum of exp(x - shift); nothing is written. */
function expSum(x: usize, n: i32, shift: f32): f32 {
  const m = f32x4.splat(shift);
  let a = f32x4.splat(0), b = f32x4.splat(0);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = x + (<usize>i << 2);
    a = f32x4.add(a, expOrZero4(f32x4.sub(v128.load(p), m)));
    b = f32x4.add(b, expOrZero4(f32x4.sub(v128.load(p, 16), m)));
  }
  const t = f32x4.add(a, b);
  let s = f32x4.extract_lane(t, 0) + f32x4.extract_lane(t, 1) + (f32x4.extract_lane(t, 2) + f32x4.extract_lane(t, 3));
  for (; i < n; i++) s += f32x4.extract_lane(expOrZero4(f32x4.sub(v128.load32_splat(x + (<usize>i << 2)), m)), 0);
  return s;
}

/** d = exp(x - shift) * factor - flat; x and d may be the same. */
function gradientRow(x: usize, d: usize, n: i32, shift: f32, factor: f32, flat: f32): void {
  const m = f32x4.splat(shift), f = f32x4.splat(factor), t = f32x4.splat(flat);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const p = f32x4.sub(v128.load(x + o), m), q = f32x4.sub(v128.load(x + o, 16), m);
    const u = f32x4.sub(f32x4.mul(expOrZero4(p), f), t), v = f32x4.sub(f32x4.mul(expOrZero4(q), f), t);
    v128.store(d + o, u);
    v128.store(d + o, v, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(d + o, f32x4.extract_lane(f32x4.sub(f32x4.mul(expOrZero4(f32x4.sub(v128.load32_splat(x + o), m)), f), t), 0));
  }
}

/** Arguments: 0 rows, 1 classes, 2 logits, 3 labels, 4 statistics [rows, 4]: maximum, sum of exp, logit of the label, mean logit. 5 ignored label. */
export function crossEntropy(_thread: i32): void {
  const count = argument(0), classes = argument(1), logits = pointer(2), labels = pointer(3), statistics = pointer(4), ignored = argument(5);
  for (;;) {
    const from = nextUnit(0) * ROWS;
    if (from >= count) return;
    for (let row = from; row < min(count, from + ROWS); row++) {
      const label = load<i32>(labels + (<usize>row << 2));
      if (label == ignored) continue;
      const x = logits + <usize>row * (<usize>classes << 2), s = statistics + (<usize>row << 4);
      const shift = rows.maximum(x, classes);
      store<f32>(s, shift);
      store<f32>(s, expSum(x, classes, shift), 4);
      store<f32>(s, label >= 0 && label < classes ? load<f32>(x + (<usize>label << 2)) : 0, 8);
      store<f32>(s, rows.sum(x, classes) / <f32>classes, 12);
    }
  }
}

/** Arguments: 0..5 as above, 6 gradient of logits (may be the logits), 7 gradient of one row's loss, 8 label smoothing. */
export function crossEntropyGradient(_thread: i32): void {
  const count = argument(0), classes = argument(1), logits = pointer(2), labels = pointer(3), statistics = pointer(4), ignored = argument(5);
  const target = pointer(6), dy = number(7), smoothing = number(8);
  const rowBytes = <usize>classes << 2;
  for (;;) {
    const from = nextUnit(0) * ROWS;
    if (from >= count) return;
    for (let row = from; row < min(count, from + ROWS); row++) {
      const label = load<i32>(labels + (<usize>row << 2));
      const x = logits + <usize>row * rowBytes, d = target + <usize>row * rowBytes, s = statistics + (<usize>row << 4);
      if (label == ignored) {
        memory.fill(d, 0, rowBytes);
        continue;
      }
      // A label that is no class adds nothing but the smoothed part, as in the composition: then the weights of the target sum to less than one.
      const inside = label >= 0 && label < classes;
      const mass: f32 = inside ? 1 : smoothing;
      gradientRow(x, d, classes, load<f32>(s), (dy * mass) / load<f32>(s, 4), (dy * smoothing) / <f32>classes);
      if (inside) {
        const p = d + (<usize>label << 2);
        store<f32>(p, load<f32>(p) - dy * (1 - smoothing));
      }
    }
  }
}
