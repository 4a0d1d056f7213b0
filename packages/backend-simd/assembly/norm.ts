/** Layer and root-mean-square normalisation over rows of `dim` floats, forward and backward. */
import { argument, awaitPhase, finishUnit, nextUnit, number, pointer } from './control';
import * as rows from './rows';
import { horizontalSum, madd } from './vector';

const FORWARD_ROWS: i32 = 32;
/** Rows whose parameter gradients are added up in one chunk; the chunks are then added in order, whoever computed them. */
const CHUNK_ROWS: i32 = 64;
const COLUMNS: i32 = 64;

/** y = (x * factor + offset) * weight + bias */
function apply(x: usize, weight: usize, bias: usize, y: usize, dim: i32, factor: f32, offset: f32): void {
  const f = f32x4.splat(factor), t = f32x4.splat(offset);
  let i = 0;
  for (; i <= dim - 8; i += 8) {
    const o = <usize>i << 2;
    const u = madd(madd(v128.load(x + o), f, t), v128.load(weight + o), v128.load(bias + o));
    const v = madd(madd(v128.load(x + o, 16), f, t), v128.load(weight + o, 16), v128.load(bias + o, 16));
    v128.store(y + o, u);
    v128.store(y + o, v, 16);
  }
  for (; i < dim; i++) {
    const o = <usize>i << 2;
    store<f32>(y + o, (load<f32>(x + o) * factor + offset) * load<f32>(weight + o) + load<f32>(bias + o));
  }
}
function applyWithoutBias(x: usize, weight: usize, y: usize, dim: i32, factor: f32, offset: f32): void {
  const f = f32x4.splat(factor), t = f32x4.splat(offset);
  let i = 0;
  for (; i <= dim - 8; i += 8) {
    const o = <usize>i << 2;
    const u = f32x4.mul(madd(v128.load(x + o), f, t), v128.load(weight + o));
    const v = f32x4.mul(madd(v128.load(x + o, 16), f, t), v128.load(weight + o, 16));
    v128.store(y + o, u);
    v128.store(y + o, v, 16);
  }
  for (; i < dim; i++) {
    const o = <usize>i << 2;
    store<f32>(y + o, (load<f32>(x + o) * factor + offset) * load<f32>(weight + o));
  }
}

/** Arguments: 0 rows, 1 dim, 2 x, 3 weight, 4 bias or 0, 5 y, 6 statistics (offset and factor per row), 7 epsilon, 8 centred, 9 residual or 0, 10 sum (with a residual). */
export function norm(_thread: i32): void {
  const count = argument(0), dim = argument(1), x = pointer(2), weight = pointer(3), bias = pointer(4), y = pointer(5), statistics = pointer(6);
  const epsilon = number(7), centred = argument(8) != 0, residual = pointer(9), total = pointer(10);
  const rowBytes = <usize>dim << 2, size: f32 = <f32>dim;
  for (;;) {
    const from = nextUnit(0) * FORWARD_ROWS;
    if (from >= count) return;
    for (let row = from; row < min(count, from + FORWARD_ROWS); row++) {
      const o = <usize>row * rowBytes, q = y + o, s = statistics + (<usize>row << 3);
      const p = (residual ? total : x) + o;
      if (residual) rows.add(x + o, residual + o, p, dim);
      const mean: f32 = centred ? rows.sum(p, dim) / size : 0;
      const factor: f32 = 1 / sqrt<f32>(rows.squaredDeviations(p, dim, mean) / size + epsilon);
      store<f32>(s, -mean * factor);
      store<f32>(s, factor, 4);
      if (bias) apply(p, weight, bias, q, dim, factor, -mean * factor);
      else applyWithoutBias(p, weight, q, dim, factor, -mean * factor);
    }
  }
}

/** Sum of normalised x times weighted dy. */
function projection(x: usize, dy: usize, weight: usize, dim: i32, factor: f32, offset: f32): f32 {
  const f = f32x4.splat(factor), t = f32x4.splat(offset);
  let a = f32x4.splat(0), b = f32x4.splat(0);
  let i = 0;
  for (; i <= dim - 8; i += 8) {
    const o = <usize>i << 2;
    a = madd(madd(v128.load(x + o), f, t), f32x4.mul(v128.load(dy + o), v128.load(weight + o)), a);
    b = madd(madd(v128.load(x + o, 16), f, t), f32x4.mul(v128.load(dy + o, 16), v128.load(weight + o, 16)), b);
  }
  let s = horizontalSum(f32x4.add(a, b));
  for (; i < dim; i++) {
    const o = <usize>i << 2;
    s += (load<f32>(x + o) * factor + offset) * (load<f32>(dy + o) * load<f32>(weight + o));
  }
  return s;
}

/** dx = (weight * dy - mean - normalised * slope) * factor */
function inputGradient(x: usize, dy: usize, weight: usize, dx: usize, dim: i32, factor: f32, offset: f32, mean: f32, slope: f32): void {
  const f = f32x4.splat(factor), t = f32x4.splat(offset), m = f32x4.splat(-mean), s = f32x4.splat(-slope);
  let i = 0;
  for (; i <= dim - 8; i += 8) {
    const o = <usize>i << 2;
    const h = madd(v128.load(x + o), f, t), k = madd(v128.load(x + o, 16), f, t);
    const u = f32x4.mul(madd(h, s, madd(v128.load(dy + o), v128.load(weight + o), m)), f);
    const v = f32x4.mul(madd(k, s, madd(v128.load(dy + o, 16), v128.load(weight + o, 16), m)), f);
    v128.store(dx + o, u);
    v128.store(dx + o, v, 16);
  }
  for (; i < dim; i++) {
    const o = <usize>i << 2;
    const h = load<f32>(x + o) * factor + offset;
    store<f32>(dx + o, (load<f32>(dy + o) * load<f32>(weight + o) - mean - h * slope) * factor);
  }
}

/** dWeight += dy * normalised, dBias += dy */
function parameterGradient(x: usize, dy: usize, dWeight: usize, dBias: usize, dim: i32, factor: f32, offset: f32): void {
  const f = f32x4.splat(factor), t = f32x4.splat(offset);
  let i = 0;
  for (; i <= dim - 8; i += 8) {
    const o = <usize>i << 2;
    const d = v128.load(dy + o), e = v128.load(dy + o, 16);
    const u = madd(d, madd(v128.load(x + o), f, t), v128.load(dWeight + o)), v = madd(e, madd(v128.load(x + o, 16), f, t), v128.load(dWeight + o, 16));
    const p = f32x4.add(d, v128.load(dBias + o)), q = f32x4.add(e, v128.load(dBias + o, 16));
    v128.store(dWeight + o, u);
    v128.store(dWeight + o, v, 16);
    v128.store(dBias + o, p);
    v128.store(dBias + o, q, 16);
  }
  for (; i < dim; i++) {
    const o = <usize>i << 2;
    const d = load<f32>(dy + o);
    store<f32>(dWeight + o, load<f32>(dWeight + o) + d * (load<f32>(x + o) * factor + offset));
    store<f32>(dBias + o, load<f32>(dBias + o) + d);
  }
}

/**
 * Arguments: 0 rows, 1 dim, 2 x, 3 weight, 4 dy, 5 statistics, 6 centred, 7 dx or 0, 8 partial sums [chunks, 2, dim] or 0, 9 dWeight or 0, 10 dBias or 0, 11 what is added to
 * dx (the gradient that comes past the norm) or 0.
 */
export function normGradient(_thread: i32): void {
  const count = argument(0), dim = argument(1), x = pointer(2), weight = pointer(3), dy = pointer(4), statistics = pointer(5), centred = argument(6) != 0;
  const dx = pointer(7), partial = pointer(8), dWeight = pointer(9), dBias = pointer(10), past = pointer(11);
  const rowBytes = <usize>dim << 2, size: f32 = <f32>dim;
  const chunks = (count + CHUNK_ROWS - 1) / CHUNK_ROWS;
  for (;;) {
    const chunk = nextUnit(0);
    if (chunk >= chunks) break;
    const chunkWeight = partial + <usize>(2 * chunk) * rowBytes, chunkBias = chunkWeight + rowBytes;
    if (partial) memory.fill(chunkWeight, 0, 2 * rowBytes);
    for (let row = chunk * CHUNK_ROWS; row < min(count, (chunk + 1) * CHUNK_ROWS); row++) {
      const o = <usize>row * rowBytes, s = statistics + (<usize>row << 3);
      const offset = load<f32>(s), factor = load<f32>(s, 4);
      if (dx) {
        const mean: f32 = centred ? rows.dot(dy + o, weight, dim) / size : 0;
        const slope = projection(x + o, dy + o, weight, dim, factor, offset) / size;
        inputGradient(x + o, dy + o, weight, dx + o, dim, factor, offset, mean, slope);
        if (past) rows.add(dx + o, past + o, dx + o, dim);
      }
      if (partial) parameterGradient(x + o, dy + o, chunkWeight, chunkBias, dim, factor, offset);
    }
    finishUnit(0);
  }
  if (!partial) return;
  awaitPhase(0, chunks);
  for (;;) {
    const column = nextUnit(1) * COLUMNS;
    if (column >= dim) return;
    const width = min(COLUMNS, dim - column), o = <usize>column << 2;
    if (dWeight) sumChunks(partial + o, 2 * rowBytes, chunks, dWeight + o, width);
    if (dBias) sumChunks(partial + rowBytes + o, 2 * rowBytes, chunks, dBias + o, width);
  }
}

function sumChunks(partial: usize, stride: usize, chunks: i32, target: usize, width: i32): void {
  memory.fill(target, 0, <usize>width << 2);
  for (let chunk = 0; chunk < chunks; chunk++) rows.add(target, partial + <usize>chunk * stride, target, width);
}
