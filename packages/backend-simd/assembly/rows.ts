/** Primitives on one contiguous run of floats. Sums go in a fixed order: sixteen lanes, then across, then the tail. */
import { horizontalMax, horizontalMin, horizontalSum, madd } from './vector';

@inline function at(base: usize, index: i32): usize {
  return base + (<usize>index << 2);
}

const BLOCK: i32 = 2048;

export function sum(x: usize, n: i32): f32 {
  if (n <= BLOCK) return shortSum(x, n);
  let total: f64 = 0;
  for (let i = 0; i < n; i += BLOCK) total += shortSum(at(x, i), min(BLOCK, n - i));
  return <f32>total;
}
function shortSum(x: usize, n: i32): f32 {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  let i = 0;
  for (; i <= n - 16; i += 16) {
    const p = at(x, i);
    a = f32x4.add(a, v128.load(p));
    b = f32x4.add(b, v128.load(p, 16));
    c = f32x4.add(c, v128.load(p, 32));
    d = f32x4.add(d, v128.load(p, 48));
  }
  let s = horizontalSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; i < n; i++) s += load<f32>(at(x, i));
  return s;
}

/** The largest value; -infinity where there is none. NaN wins. */
export function maximum(x: usize, n: i32): f32 {
  let a = f32x4.splat(-Infinity), b = f32x4.splat(-Infinity);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = at(x, i);
    a = f32x4.max(a, v128.load(p));
    b = f32x4.max(b, v128.load(p, 16));
  }
  let m = horizontalMax(f32x4.max(a, b));
  for (; i < n; i++) m = max(m, load<f32>(at(x, i)));
  return m;
}
export function minimum(x: usize, n: i32): f32 {
  let a = f32x4.splat(Infinity), b = f32x4.splat(Infinity);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = at(x, i);
    a = f32x4.min(a, v128.load(p));
    b = f32x4.min(b, v128.load(p, 16));
  }
  let m = horizontalMin(f32x4.min(a, b));
  for (; i < n; i++) m = min(m, load<f32>(at(x, i)));
  return m;
}

export function product(x: usize, n: i32): f32 {
  let result: f32 = 1;
  for (let i = 0; i < n; i++) result *= load<f32>(at(x, i));
  return result;
}

export function dot(x: usize, y: usize, n: i32): f32 {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  let i = 0;
  for (; i <= n - 16; i += 16) {
    const p = at(x, i), q = at(y, i);
    a = madd(v128.load(p), v128.load(q), a);
    b = madd(v128.load(p, 16), v128.load(q, 16), b);
    c = madd(v128.load(p, 32), v128.load(q, 32), c);
    d = madd(v128.load(p, 48), v128.load(q, 48), d);
  }
  let s = horizontalSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; i < n; i++) s += load<f32>(at(x, i)) * load<f32>(at(y, i));
  return s;
}

/** Sum of `(x - mean)²`. */
export function squaredDeviations(x: usize, n: i32, mean: f32): f32 {
  const m = f32x4.splat(mean);
  let a = f32x4.splat(0), b = a, c = a, d = a;
  let i = 0;
  for (; i <= n - 16; i += 16) {
    const p = at(x, i);
    const u = f32x4.sub(v128.load(p), m), v = f32x4.sub(v128.load(p, 16), m);
    const w = f32x4.sub(v128.load(p, 32), m), z = f32x4.sub(v128.load(p, 48), m);
    a = madd(u, u, a);
    b = madd(v, v, b);
    c = madd(w, w, c);
    d = madd(z, z, d);
  }
  let s = horizontalSum(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)));
  for (; i < n; i++) {
    const u = load<f32>(at(x, i)) - mean;
    s += u * u;
  }
  return s;
}

/** `y = x * factor`; x and y may be the same. */
export function scale(x: usize, y: usize, n: i32, factor: f32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = at(x, i), q = at(y, i);
    const u = f32x4.mul(v128.load(p), f), v = f32x4.mul(v128.load(p, 16), f);
    v128.store(q, u);
    v128.store(q, v, 16);
  }
  for (; i < n; i++) store<f32>(at(y, i), load<f32>(at(x, i)) * factor);
}

/** `z = x + y`; any of them may be the same. */
export function add(x: usize, y: usize, z: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = at(x, i), q = at(y, i), r = at(z, i);
    const u = f32x4.add(v128.load(p), v128.load(q)), v = f32x4.add(v128.load(p, 16), v128.load(q, 16));
    v128.store(r, u);
    v128.store(r, v, 16);
  }
  for (; i < n; i++) store<f32>(at(z, i), load<f32>(at(x, i)) + load<f32>(at(y, i)));
}

/** `z = x * y`; any of them may be the same. */
export function multiply(x: usize, y: usize, z: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = at(x, i), q = at(y, i), r = at(z, i);
    const u = f32x4.mul(v128.load(p), v128.load(q)), v = f32x4.mul(v128.load(p, 16), v128.load(q, 16));
    v128.store(r, u);
    v128.store(r, v, 16);
  }
  for (; i < n; i++) store<f32>(at(z, i), load<f32>(at(x, i)) * load<f32>(at(y, i)));
}

/** Sets the floats [from, to). For short runs, of which `memory.fill` is a call of its own each. */
export function fill(x: usize, from: i32, to: i32, value: f32): void {
  const v = f32x4.splat(value);
  let i = from;
  for (; i <= to - 8; i += 8) {
    v128.store(at(x, i), v);
    v128.store(at(x, i), v, 16);
  }
  for (; i < to; i++) store<f32>(at(x, i), value);
}

/** `y = x`, for short runs. */
export function copy(x: usize, y: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = at(x, i), q = at(y, i);
    const u = v128.load(p), v = v128.load(p, 16);
    v128.store(q, u);
    v128.store(q, v, 16);
  }
  for (; i < n; i++) store<f32>(at(y, i), load<f32>(at(x, i)));
}

/** `y = max(y, x)`. */
export function maximumInto(y: usize, x: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 4; i += 4) v128.store(at(y, i), f32x4.max(v128.load(at(y, i)), v128.load(at(x, i))));
  for (; i < n; i++) store<f32>(at(y, i), max(load<f32>(at(y, i)), load<f32>(at(x, i))));
}
/** `y = min(y, x)`. */
export function minimumInto(y: usize, x: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 4; i += 4) v128.store(at(y, i), f32x4.min(v128.load(at(y, i)), v128.load(at(x, i))));
  for (; i < n; i++) store<f32>(at(y, i), min(load<f32>(at(y, i)), load<f32>(at(x, i))));
}

/** `y += x * factor`. */
export function addScaled(x: usize, factor: f32, y: usize, n: i32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = at(x, i), q = at(y, i);
    const u = madd(v128.load(p), f, v128.load(q)), v = madd(v128.load(p, 16), f, v128.load(q, 16));
    v128.store(q, u);
    v128.store(q, v, 16);
  }
  for (; i < n; i++) store<f32>(at(y, i), load<f32>(at(y, i)) + load<f32>(at(x, i)) * factor);
}

/** Products of one row with four others, which lie `stride` bytes apart; z gets 4 floats. */
export function dotFour(x: usize, y: usize, stride: usize, n: i32, z: usize): void {
  const y1 = y + stride, y2 = y1 + stride, y3 = y2 + stride;
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  let i = 0;
  for (; i <= n - 4; i += 4) {
    const o = <usize>i << 2;
    const v = v128.load(x + o);
    a = madd(v, v128.load(y + o), a);
    b = madd(v, v128.load(y1 + o), b);
    c = madd(v, v128.load(y2 + o), c);
    d = madd(v, v128.load(y3 + o), d);
  }
  let p = horizontalSum(a), q = horizontalSum(b), r = horizontalSum(c), s = horizontalSum(d);
  for (; i < n; i++) {
    const o = <usize>i << 2;
    const v = load<f32>(x + o);
    p += v * load<f32>(y + o);
    q += v * load<f32>(y1 + o);
    r += v * load<f32>(y2 + o);
    s += v * load<f32>(y3 + o);
  }
  store<f32>(z, p);
  store<f32>(z, q, 4);
  store<f32>(z, r, 8);
  store<f32>(z, s, 12);
}
