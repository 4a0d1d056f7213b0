/** Reductions of float32 over one axis of [outer, axis, inner], and softmax over rows. */
import { argument, nextUnit, number, pointer } from './control';
import * as rows from './rows';
import { expOrZero4, horizontalMax, horizontalSum } from './vector';

const SUM = 0, MAX = 1, MIN = 2;
const COLUMNS: i32 = 64;
/** Numbers whose sum is kept in float32. */
const BLOCK: i32 = 2048;

function reduceRow(code: i32, x: usize, n: i32, factor: f32): f32 {
  if (code == SUM) return rows.sum(x, n) * factor;
  if (code == MAX) return rows.maximum(x, n);
  return code == MIN ? rows.minimum(x, n) : rows.product(x, n);
}

/** inner = 1. Arguments: 0 code (sum, maximum, minimum, product), 1 rows, 2 size of a row, 3 x, 4 y, 5 factor of the sum, 6 rows per unit. */
export function reduceRows(_thread: i32): void {
  const code = argument(0), count = argument(1), size = argument(2), x = pointer(3), y = pointer(4), factor = number(5), unitRows = argument(6);
  for (;;) {
    const first = nextUnit(0) * unitRows;
    if (first >= count) return;
    for (let row = first; row < min(count, first + unitRows); row++) {
      store<f32>(y + (<usize>row << 2), reduceRow(code, x + <usize>row * (<usize>size << 2), size, factor));
    }
  }
}

/** Arguments: 0 code, 1 outer, 2 axis, 3 inner, 4 x, 5 y, 6 factor of the sum. Units are strips of columns; each adds the axis in its order. */
export function reduceColumns(_thread: i32): void {
  const code = argument(0), outer = argument(1), axis = argument(2), inner = argument(3), x = pointer(4), y = pointer(5), factor = number(6);
  const strips = (inner + COLUMNS - 1) / COLUMNS, rowBytes = <usize>inner << 2;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= outer * strips) return;
    const o = <usize>((unit % strips) * COLUMNS) << 2, width = min(COLUMNS, inner - (unit % strips) * COLUMNS);
    const source = x + <usize>(unit / strips) * <usize>axis * rowBytes + o, target = y + <usize>(unit / strips) * rowBytes + o;
    memory.copy(target, source, <usize>width << 2);
    for (let i = 1; i < axis; i++) {
      const p = source + <usize>i * rowBytes;
      if (code == SUM) rows.add(target, p, target, width);
      else if (code == MAX) rows.maximumInto(target, p, width);
      else if (code == MIN) rows.minimumInto(target, p, width);
      else rows.multiply(target, p, target, width);
    }
    if (code == SUM && factor != 1) rows.scale(target, target, width, factor);
  }
}

/** The largest value of a row that isn't NaN; -infinity where there is none. */
function largest(x: usize, n: i32): f32 {
  let a = f32x4.splat(-Infinity), b = a, c = a, d = a;
  let i = 0;
  for (; i <= n - 16; i += 16) {
    const p = x + (<usize>i << 2);
    a = f32x4.pmax(a, v128.load(p));
    b = f32x4.pmax(b, v128.load(p, 16));
    c = f32x4.pmax(c, v128.load(p, 32));
    d = f32x4.pmax(d, v128.load(p, 48));
  }
  let m = horizontalMax(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)));
  for (; i < n; i++) {
    const value = load<f32>(x + (<usize>i << 2));
    if (value > m) m = value;
  }
  return m;
}

/** y = exp(x - shift); returns the sum of a block of at most {@link BLOCK}. */
function expBlock(x: usize, y: usize, n: i32, shift: f32): f32 {
  const m = f32x4.splat(shift);
  let a = f32x4.splat(0), b = f32x4.splat(0);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const p = f32x4.sub(v128.load(x + o), m), q = f32x4.sub(v128.load(x + o, 16), m);
    const u = expOrZero4(p), v = expOrZero4(q);
    a = f32x4.add(a, u);
    b = f32x4.add(b, v);
    v128.store(y + o, u);
    v128.store(y + o, v, 16);
  }
  let s = horizontalSum(f32x4.add(a, b));
  for (; i < n; i++) {
    const o = <usize>i << 2;
    const u = f32x4.extract_lane(expOrZero4(f32x4.sub(v128.load32_splat(x + o), m)), 0);
    s += u;
    store<f32>(y + o, u);
  }
  return s;
}

/** Arguments: 0 rows, 1 size of a row, 2 x, 3 y. */
export function softmaxRows(_thread: i32): void {
  const count = argument(0), size = argument(1), x = pointer(2), y = pointer(3);
  const rowBytes = <usize>size << 2, unitRows = max(1, 4096 / size);
  for (;;) {
    const first = nextUnit(0) * unitRows;
    if (first >= count) return;
    for (let row = first; row < min(count, first + unitRows); row++) {
      const o = <usize>row * rowBytes;
      // NaN is no largest value, but makes the sum NaN, and with it the row.
      const shift = largest(x + o, size);
      let total: f64 = 0;
      for (let i = 0; i < size; i += BLOCK) total += expBlock(x + o + (<usize>i << 2), y + o + (<usize>i << 2), min(BLOCK, size - i), shift);
      rows.scale(y + o, y + o, size, 1 / <f32>total);
    }
  }
}
