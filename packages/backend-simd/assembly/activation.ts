/** Activations and their derivatives, by code; codes are shared with src/kernels/activation-codes.ts. */
import { argument, nextUnit, pointer } from './control';
import { multiply } from './rows';
import { gelu4, geluDerivative4, geluTanh4, geluTanhDerivative4, one, sigmoid4, silu4, siluDerivative4, tanh4 } from './vector';

const RELU = 1, GELU = 2, GELU_TANH = 3, SILU = 4, TANH = 5, SIGMOID = 6;

@inline function activate4(code: i32, x: v128): v128 {
  if (code == RELU) return f32x4.max(x, f32x4.splat(0));
  if (code == GELU) return gelu4(x);
  if (code == GELU_TANH) return geluTanh4(x);
  if (code == SILU) return silu4(x);
  if (code == TANH) return tanh4(x);
  return sigmoid4(x);
}

/** The derivative at x. */
@inline function derivative4(code: i32, x: v128): v128 {
  if (code == RELU) return v128.and(f32x4.gt(x, f32x4.splat(0)), one());
  if (code == GELU) return geluDerivative4(x);
  if (code == GELU_TANH) return geluTanhDerivative4(x);
  if (code == SILU) return siluDerivative4(x);
  if (code == TANH) {
    const y = tanh4(x);
    return f32x4.sub(one(), f32x4.mul(y, y));
  }
  const s = sigmoid4(x);
  return f32x4.mul(s, f32x4.sub(one(), s));
}

@inline function activateLoop(code: i32, x: usize, y: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const p = v128.load(x + o), q = v128.load(x + o, 16);
    const u = activate4(code, p), v = activate4(code, q);
    v128.store(y + o, u);
    v128.store(y + o, v, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(y + o, f32x4.extract_lane(activate4(code, v128.load32_splat(x + o)), 0));
  }
}
@inline function derivativeLoop(code: i32, x: usize, dy: usize, dx: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const p = v128.load(x + o), q = v128.load(x + o, 16);
    const g = v128.load(dy + o), h = v128.load(dy + o, 16);
    const u = f32x4.mul(g, derivative4(code, p)), v = f32x4.mul(h, derivative4(code, q));
    v128.store(dx + o, u);
    v128.store(dx + o, v, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(dx + o, load<f32>(dy + o) * f32x4.extract_lane(derivative4(code, v128.load32_splat(x + o)), 0));
  }
}

// One function per activation: V8 vectorizes small functions more readily than one large one.
function relu(x: usize, y: usize, n: i32): void { activateLoop(RELU, x, y, n); }
function gelu(x: usize, y: usize, n: i32): void { activateLoop(GELU, x, y, n); }
function geluTanh(x: usize, y: usize, n: i32): void { activateLoop(GELU_TANH, x, y, n); }
function silu(x: usize, y: usize, n: i32): void { activateLoop(SILU, x, y, n); }
function tanh(x: usize, y: usize, n: i32): void { activateLoop(TANH, x, y, n); }
function sigmoid(x: usize, y: usize, n: i32): void { activateLoop(SIGMOID, x, y, n); }
function reluBack(x: usize, dy: usize, dx: usize, n: i32): void { derivativeLoop(RELU, x, dy, dx, n); }
function geluBack(x: usize, dy: usize, dx: usize, n: i32): void { derivativeLoop(GELU, x, dy, dx, n); }
function geluTanhBack(x: usize, dy: usize, dx: usize, n: i32): void { derivativeLoop(GELU_TANH, x, dy, dx, n); }
function siluBack(x: usize, dy: usize, dx: usize, n: i32): void { derivativeLoop(SILU, x, dy, dx, n); }
function tanhBack(x: usize, dy: usize, dx: usize, n: i32): void { derivativeLoop(TANH, x, dy, dx, n); }
function sigmoidBack(x: usize, dy: usize, dx: usize, n: i32): void { derivativeLoop(SIGMOID, x, dy, dx, n); }

/** `y = f(x)` over n floats; x and y may be the same. */
export function activateRow(code: i32, x: usize, y: usize, n: i32): void {
  switch (code) {
    case RELU: relu(x, y, n); return;
    case GELU: gelu(x, y, n); return;
    case GELU_TANH: geluTanh(x, y, n); return;
    case SILU: silu(x, y, n); return;
    case TANH: tanh(x, y, n); return;
    default: sigmoid(x, y, n);
  }
}
/** `dx = dy * f'(x)` over n floats. */
export function activateBackRow(code: i32, x: usize, dy: usize, dx: usize, n: i32): void {
  switch (code) {
    case RELU: reluBack(x, dy, dx, n); return;
    case GELU: geluBack(x, dy, dx, n); return;
    case GELU_TANH: geluTanhBack(x, dy, dx, n); return;
    case SILU: siluBack(x, dy, dx, n); return;
    case TANH: tanhBack(x, dy, dx, n); return;
    default: sigmoidBack(x, dy, dx, n);
  }
}

const CHUNK: i32 = 8192;

/** Arguments: code, size, x, y. */
export function activation(_thread: i32): void {
  const code = argument(0), size = argument(1), x = pointer(2), y = pointer(3);
  for (;;) {
    const from = nextUnit(0) * CHUNK;
    if (from >= size) return;
    const o = <usize>from << 2;
    activateRow(code, x + o, y + o, min(CHUNK, size - from));
  }
}

/** Arguments: code, size, x, dy, dx. */
export function activationGradient(_thread: i32): void {
  const code = argument(0), size = argument(1), x = pointer(2), dy = pointer(3), dx = pointer(4);
  for (;;) {
    const from = nextUnit(0) * CHUNK;
    if (from >= size) return;
    const o = <usize>from << 2;
    activateBackRow(code, x + o, dy + o, dx + o, min(CHUNK, size - from));
  }
}

/** Few enough floats that three rows of them stay in the first cache. */
const GATED_CHUNK: i32 = 2048;

/** y = f(gate) * up. Arguments: code, size, gate, up, y. */
export function gated(_thread: i32): void {
  const code = argument(0), size = argument(1), gate = pointer(2), up = pointer(3), y = pointer(4);
  for (;;) {
    const from = nextUnit(0) * GATED_CHUNK;
    if (from >= size) return;
    const o = <usize>from << 2, n = min(GATED_CHUNK, size - from);
    activateRow(code, gate + o, y + o, n);
    multiply(y + o, up + o, y + o, n);
  }
}

/** Arguments: code, size, gate, up, dy, dGate or 0, dUp or 0. */
export function gatedGradient(_thread: i32): void {
  const code = argument(0), size = argument(1), gate = pointer(2), up = pointer(3), dy = pointer(4), dGate = pointer(5), dUp = pointer(6);
  for (;;) {
    const from = nextUnit(0) * GATED_CHUNK;
    if (from >= size) return;
    const o = <usize>from << 2, n = min(GATED_CHUNK, size - from);
    if (dGate) {
      activateBackRow(code, gate + o, dy + o, dGate + o, n);
      multiply(dGate + o, up + o, dGate + o, n);
    }
    if (dUp) {
      activateRow(code, gate + o, dUp + o, n);
      multiply(dUp + o, dy + o, dUp + o, n);
    }
  }
}
