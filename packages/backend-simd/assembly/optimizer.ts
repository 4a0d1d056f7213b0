/** Optimizer steps in place, over lists of chunks. */
import { argument, nextUnit, number, pointer } from './control';
import { dot } from './rows';
import { madd } from './vector';

/**
 * AdamW (Loshchilov and Hutter 2019, algorithm 2).
 *
 * Arguments: 0 list of chunks (each: parameter, gradient, first moment, second moment, size, decay factor), 1 chunks, 2 beta1, 3 beta2, 4 epsilon,
 * 5 learning rate / (1 - beta1^t), 6 1 / sqrt(1 - beta2^t), 7 gradient scale, 8 1 - beta1, 9 1 - beta2.
 */
export function adamW(_thread: i32): void {
  const list = pointer(0), chunks = argument(1);
  for (;;) {
    const chunk = nextUnit(0);
    if (chunk >= chunks) return;
    const e = list + <usize>(chunk * 24);
    step(load<u32>(e), load<u32>(e, 4), load<u32>(e, 8), load<u32>(e, 12), load<i32>(e, 16), load<f32>(e, 20));
  }
}

function step(p: usize, g: usize, m: usize, v: usize, n: i32, decay: f32): void {
  const b1 = f32x4.splat(number(2)), b2 = f32x4.splat(number(3)), c1 = f32x4.splat(number(8)), c2 = f32x4.splat(number(9));
  const epsilon = f32x4.splat(number(4)), rate = f32x4.splat(-number(5)), correction = f32x4.splat(number(6)), scale = f32x4.splat(number(7)), w = f32x4.splat(decay);
  // Allocations end on a multiple of 64 bytes, so the last vector may run over the end of a tensor.
  for (let i = 0; i < n; i += 8) {
    const o = <usize>i << 2;
    const g0 = f32x4.mul(v128.load(g + o), scale), g1 = f32x4.mul(v128.load(g + o, 16), scale);
    const m0 = madd(v128.load(m + o), b1, f32x4.mul(g0, c1)), m1 = madd(v128.load(m + o, 16), b1, f32x4.mul(g1, c1));
    const v0 = madd(v128.load(v + o), b2, f32x4.mul(f32x4.mul(g0, g0), c2)), v1 = madd(v128.load(v + o, 16), b2, f32x4.mul(f32x4.mul(g1, g1), c2));
    const d0 = madd(f32x4.sqrt(v0), correction, epsilon), d1 = madd(f32x4.sqrt(v1), correction, epsilon);
    const p0 = madd(v128.load(p + o), w, f32x4.div(f32x4.mul(m0, rate), d0)), p1 = madd(v128.load(p + o, 16), w, f32x4.div(f32x4.mul(m1, rate), d1));
    v128.store(m + o, m0);
    v128.store(m + o, m1, 16);
    v128.store(v + o, v0);
    v128.store(v + o, v1, 16);
    v128.store(p + o, p0);
    v128.store(p + o, p1, 16);
  }
}

/**
 * Gradient descent, with momentum where a chunk has a buffer.
 *
 * Arguments: 0 list of chunks (each: parameter, gradient, buffer or 0, size, weight decay), 1 chunks, 2 learning rate, 3 momentum, 4 1 - dampening,
 * 5 nesterov, 6 gradient scale.
 */
export function sgd(_thread: i32): void {
  const list = pointer(0), chunks = argument(1);
  for (;;) {
    const chunk = nextUnit(0);
    if (chunk >= chunks) return;
    const e = list + <usize>(chunk * 20);
    const p: usize = load<u32>(e), g: usize = load<u32>(e, 4), m: usize = load<u32>(e, 8);
    if (m) momentumStep(p, g, m, load<i32>(e, 12), load<f32>(e, 16));
    else descend(p, g, load<i32>(e, 12), load<f32>(e, 16));
  }
}

function descend(p: usize, g: usize, n: i32, decay: f32): void {
  const rate = f32x4.splat(-number(2)), scale = f32x4.splat(number(6)), w = f32x4.splat(decay);
  for (let i = 0; i < n; i += 8) {
    const o = <usize>i << 2;
    const p0 = v128.load(p + o), p1 = v128.load(p + o, 16);
    const d0 = madd(v128.load(g + o), scale, f32x4.mul(p0, w)), d1 = madd(v128.load(g + o, 16), scale, f32x4.mul(p1, w));
    const u = madd(d0, rate, p0), v = madd(d1, rate, p1);
    v128.store(p + o, u);
    v128.store(p + o, v, 16);
  }
}

function momentumStep(p: usize, g: usize, m: usize, n: i32, decay: f32): void {
  const rate = f32x4.splat(-number(2)), kept = f32x4.splat(number(3)), taken = f32x4.splat(number(4)), scale = f32x4.splat(number(6)), w = f32x4.splat(decay);
  // The direction is own * direction + along * buffer.
  const nesterov = argument(5) != 0, own = f32x4.splat(nesterov ? 1 : 0), along = f32x4.splat(nesterov ? number(3) : 1);
  for (let i = 0; i < n; i += 8) {
    const o = <usize>i << 2;
    const p0 = v128.load(p + o), p1 = v128.load(p + o, 16);
    const d0 = madd(v128.load(g + o), scale, f32x4.mul(p0, w)), d1 = madd(v128.load(g + o, 16), scale, f32x4.mul(p1, w));
    const m0 = madd(v128.load(m + o), kept, f32x4.mul(d0, taken)), m1 = madd(v128.load(m + o, 16), kept, f32x4.mul(d1, taken));
    const u = madd(madd(d0, own, f32x4.mul(m0, along)), rate, p0), v = madd(madd(d1, own, f32x4.mul(m1, along)), rate, p1);
    v128.store(m + o, m0);
    v128.store(m + o, m1, 16);
    v128.store(p + o, u);
    v128.store(p + o, v, 16);
  }
}

/** Sums of squares. Arguments: 0 list of chunks (each: address, size), 1 chunks, 2 one sum per chunk. */
export function squareSums(_thread: i32): void {
  const list = pointer(0), chunks = argument(1), sums = pointer(2);
  for (;;) {
    const chunk = nextUnit(0);
    if (chunk >= chunks) return;
    const x: usize = load<u32>(list + (<usize>chunk << 3));
    store<f32>(sums + (<usize>chunk << 2), dot(x, x, load<i32>(list + (<usize>chunk << 3), 4)));
  }
}
