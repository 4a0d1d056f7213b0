/**
 * One Adafactor step on one parameter, in place (Shazeer and Stern 2018, algorithms 4 and 5).
 *
 * Arguments of both kernels: 0 parameter, 1 gradient, 2 first moment or 0, 3 gradient scale, 4 beta2, 5 1 - beta2, 6 epsilon, 7 learning rate,
 * 8 clip threshold, 9 least scale of the parameter or -1, 10 beta1, 11 weight decay, 12 sums (three per unit), 13.. more (see there).
 */
import { argument, awaitPhase, finishUnit, nextUnit, number, pointer } from './control';
import { dot, sum } from './rows';
import { horizontalSum, madd, one } from './vector';

const CHUNK: i32 = 16384;
const CHUNK_ROWS: i32 = 64;
const COLUMNS: i32 = 64;

/** Of the three sums of a unit: of row moments, of squared parameters, of squared updates. */
const ROW_MOMENTS: usize = 0, PARAMETERS: usize = 4, UPDATES: usize = 8;
const SUMS: usize = 12;

@inline function total(sums: usize, units: i32): f64 {
  let result: f64 = 0;
  for (let unit = 0; unit < units; unit++) result += load<f32>(sums + <usize>unit * SUMS);
  return result;
}

/** What updates are divided by the root of: second moments themselves, or factors of columns that hold the inverse root already. */
@inline function inverseRoot(address: usize, isMoment: bool): v128 {
  const v = v128.load(address);
  return isMoment ? f32x4.div(one(), f32x4.sqrt(v)) : v;
}
@inline function lastInverseRoot(address: usize, isMoment: bool): f32 {
  const v = load<f32>(address);
  return isMoment ? <f32>1 / sqrt<f32>(v) : v;
}

/** Sum of `(g * factor * inverse root)²`. */
@inline function squaredUpdates(g: usize, moments: usize, isMoment: bool, factor: f32, n: i32): f32 {
  const f = f32x4.splat(factor);
  let a = f32x4.splat(0), b = f32x4.splat(0);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const u = f32x4.mul(f32x4.mul(v128.load(g + o), f), inverseRoot(moments + o, isMoment));
    const v = f32x4.mul(f32x4.mul(v128.load(g + o, 16), f), inverseRoot(moments + o + 16, isMoment));
    a = madd(u, u, a);
    b = madd(v, v, b);
  }
  let s = horizontalSum(f32x4.add(a, b));
  for (; i < n; i++) {
    const o = <usize>i << 2;
    const u = load<f32>(g + o) * factor * lastInverseRoot(moments + o, isMoment);
    s += u * u;
  }
  return s;
}

/** Writes the parameter: `p - p * decay - update` (1 - decay would be rounded the same way in every step), the update going through the first moment if there is one. `factor` holds the learning rate too. */
@inline function write(p: usize, g: usize, m: usize, moments: usize, isMoment: bool, factor: f32, decay: f32, n: i32): void {
  const beta1: f32 = m ? number(10) : 0, c: f32 = 1 - beta1;
  const f = f32x4.splat(factor), d = f32x4.splat(decay), b4 = f32x4.splat(beta1), c4 = f32x4.splat(c);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    let u = f32x4.mul(f32x4.mul(v128.load(g + o), f), inverseRoot(moments + o, isMoment));
    let v = f32x4.mul(f32x4.mul(v128.load(g + o, 16), f), inverseRoot(moments + o + 16, isMoment));
    if (m) {
      u = madd(v128.load(m + o), b4, f32x4.mul(u, c4));
      v = madd(v128.load(m + o, 16), b4, f32x4.mul(v, c4));
      v128.store(m + o, u);
      v128.store(m + o, v, 16);
    }
    const p0 = v128.load(p + o), p1 = v128.load(p + o, 16);
    v128.store(p + o, f32x4.sub(f32x4.sub(p0, f32x4.mul(p0, d)), u));
    v128.store(p + o, f32x4.sub(f32x4.sub(p1, f32x4.mul(p1, d)), v), 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    let u = load<f32>(g + o) * factor * lastInverseRoot(moments + o, isMoment);
    if (m) {
      u = load<f32>(m + o) * beta1 + u * c;
      store<f32>(m + o, u);
    }
    const w = load<f32>(p + o);
    store<f32>(p + o, w - w * decay - u);
  }
}

/** Learning rate for this parameter, from the sum of its squares. */
@inline function ownRate(squares: f64, size: i32): f32 {
  const least = number(9);
  return least < 0 ? number(7) : number(7) * max(least, <f32>Math.sqrt(squares / <f64>size));
}
/** What clipping divides updates by, from the sum of their squares. */
@inline function clipping(squares: f64, size: i32): f32 {
  return max(<f32>1, <f32>(Math.sqrt(squares / <f64>size) / <f64>number(8)));
}

/** v = v * beta2 + (g² + epsilon) * (1 - beta2) */
function decaySquares(g: usize, v: usize, n: i32): void {
  const scale = f32x4.splat(number(3)), b = f32x4.splat(number(4)), c = f32x4.splat(number(5)), e = f32x4.splat(number(6));
  // Allocations end on a multiple of 64 bytes, so the last vector may run over the end of a tensor.
  for (let i = 0; i < n; i += 8) {
    const o = <usize>i << 2;
    const g0 = f32x4.mul(v128.load(g + o), scale), g1 = f32x4.mul(v128.load(g + o, 16), scale);
    const v0 = madd(v128.load(v + o), b, f32x4.mul(madd(g0, g0, e), c)), v1 = madd(v128.load(v + o, 16), b, f32x4.mul(madd(g1, g1, e), c));
    v128.store(v + o, v0);
    v128.store(v + o, v1, 16);
  }
}

/** For parameters of less than two dimensions. 13 size, 14 second moment. */
export function adafactorVector(_thread: i32): void {
  const p = pointer(0), g = pointer(1), m = pointer(2), sums = pointer(12), size = argument(13), v = pointer(14), scale = number(3);
  const chunks = (size + CHUNK - 1) / CHUNK;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= chunks) break;
    const n = min(CHUNK, size - unit * CHUNK), o = <usize>(unit * CHUNK) << 2, own = sums + <usize>unit * SUMS;
    decaySquares(g + o, v + o, n);
    store<f32>(own + PARAMETERS, dot(p + o, p + o, n));
    store<f32>(own + UPDATES, squaredUpdates(g + o, v + o, true, scale, n));
    finishUnit(0);
  }
  awaitPhase(0, chunks);
  const rate = ownRate(total(sums + PARAMETERS, chunks), size), factor = (scale * rate) / clipping(total(sums + UPDATES, chunks), size);
  for (;;) {
    const unit = nextUnit(1);
    if (unit >= chunks) return;
    const o = <usize>(unit * CHUNK) << 2;
    write(p + o, g + o, m ? m + o : 0, v + o, true, factor, number(11) * rate, min(CHUNK, size - unit * CHUNK));
  }
}

/** Adds `(g * scale)²` to the sums of columns, and returns the sum of the row. */
function squareRow(g: usize, columnSums: usize, n: i32, scale: f32): f32 {
  const s = f32x4.splat(scale);
  let a = f32x4.splat(0), b = f32x4.splat(0);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const g0 = f32x4.mul(v128.load(g + o), s), g1 = f32x4.mul(v128.load(g + o, 16), s);
    const q0 = f32x4.mul(g0, g0), q1 = f32x4.mul(g1, g1);
    const c0 = f32x4.add(v128.load(columnSums + o), q0), c1 = f32x4.add(v128.load(columnSums + o, 16), q1);
    a = f32x4.add(a, q0);
    b = f32x4.add(b, q1);
    v128.store(columnSums + o, c0);
    v128.store(columnSums + o, c1, 16);
  }
  let sum = horizontalSum(f32x4.add(a, b));
  for (; i < n; i++) {
    const o = <usize>i << 2;
    const d = load<f32>(g + o) * scale;
    sum += d * d;
    store<f32>(columnSums + o, load<f32>(columnSums + o) + d * d);
  }
  return sum;
}

/**
 * For stacks of matrices. 13 matrices, 14 rows, 15 columns, 16 row moments, 17 column moments, 18 partial sums of columns (a row of them per unit), 19 factors
 * of columns, as many as there are column moments. Units are groups of rows.
 */
export function adafactorMatrices(_thread: i32): void {
  const p = pointer(0), g = pointer(1), m = pointer(2), scale = number(3), beta2 = number(4), rest = number(5), epsilon = number(6), sums = pointer(12);
  const count = argument(13), rows = argument(14), columns = argument(15), rowMoments = pointer(16), columnMoments = pointer(17), partial = pointer(18), factors = pointer(19);
  const rowBytes = <usize>columns << 2, chunks = (rows + CHUNK_ROWS - 1) / CHUNK_ROWS, units = count * chunks, size = count * rows * columns;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= units) break;
    const first = (unit / chunks) * rows + (unit % chunks) * CHUNK_ROWS, n = min(CHUNK_ROWS, rows - (unit % chunks) * CHUNK_ROWS);
    const own = partial + <usize>unit * rowBytes, o = <usize>first * rowBytes;
    memory.fill(own, 0, rowBytes);
    for (let row = 0; row < n; row++) {
      const squares = squareRow(g + o + <usize>row * rowBytes, own, columns, scale), at = rowMoments + (<usize>(first + row) << 2);
      store<f32>(at, load<f32>(at) * beta2 + (squares / <f32>columns + epsilon) * rest);
    }
    store<f32>(sums + <usize>unit * SUMS + ROW_MOMENTS, sum(rowMoments + (<usize>first << 2), n));
    store<f32>(sums + <usize>unit * SUMS + PARAMETERS, dot(p + o, p + o, n * columns));
    finishUnit(0);
  }
  awaitPhase(0, units);
  const strips = (columns + COLUMNS - 1) / COLUMNS;
  for (;;) {
    const unit = nextUnit(1);
    if (unit >= count * strips) break;
    const matrix = unit / strips, from = (unit % strips) * COLUMNS;
    for (let column = from; column < min(columns, from + COLUMNS); column++) {
      const o = <usize>column << 2, at = <usize>matrix * rowBytes + o;
      let squares: f32 = 0;
      for (let chunk = 0; chunk < chunks; chunk++) squares += load<f32>(partial + <usize>(matrix * chunks + chunk) * rowBytes + o);
      const moment: f32 = load<f32>(columnMoments + at) * beta2 + (squares / <f32>rows + epsilon) * rest;
      store<f32>(columnMoments + at, moment);
      store<f32>(factors + at, <f32>1 / sqrt<f32>(moment));
    }
    finishUnit(1);
  }
  awaitPhase(1, count * strips);
  for (;;) {
    const unit = nextUnit(2);
    if (unit >= units) break;
    const matrix = unit / chunks, first = matrix * rows + (unit % chunks) * CHUNK_ROWS, n = min(CHUNK_ROWS, rows - (unit % chunks) * CHUNK_ROWS);
    const mean = rowMean(sums, matrix, chunks, rows);
    let squares: f32 = 0;
    for (let row = first; row < first + n; row++) {
      squares += squaredUpdates(g + <usize>row * rowBytes, factors + <usize>matrix * rowBytes, false, scale * rowFactor(rowMoments, row, mean), columns);
    }
    store<f32>(sums + <usize>unit * SUMS + UPDATES, squares);
    finishUnit(2);
  }
  awaitPhase(2, units);
  const rate = ownRate(total(sums + PARAMETERS, units), size), factor = (scale * rate) / clipping(total(sums + UPDATES, units), size);
  for (;;) {
    const unit = nextUnit(3);
    if (unit >= units) return;
    const matrix = unit / chunks, first = matrix * rows + (unit % chunks) * CHUNK_ROWS, n = min(CHUNK_ROWS, rows - (unit % chunks) * CHUNK_ROWS);
    const mean = rowMean(sums, matrix, chunks, rows);
    for (let row = first; row < first + n; row++) {
      const o = <usize>row * rowBytes;
      write(p + o, g + o, m ? m + o : 0, factors + <usize>matrix * rowBytes, false, factor * rowFactor(rowMoments, row, mean), number(11) * rate, columns);
    }
  }
}

@inline function rowMean(sums: usize, matrix: i32, chunks: i32, rows: i32): f32 {
  return <f32>(total(sums + <usize>(matrix * chunks) * SUMS + ROW_MOMENTS, chunks) / <f64>rows);
}
@inline function rowFactor(rowMoments: usize, row: i32, mean: f32): f32 {
  return sqrt<f32>(mean / load<f32>(rowMoments + (<usize>row << 2)));
}
