/**
 * The pointwise part of one step of recurrent layers, forward and backward; the products between are the matrix product's.
 *
 * Arguments of all kernels: 0 batch, 1 hidden, 2 seq, 3 step t. Sequences are [batch, seq, width], what belongs to one step [batch, width].
 */
import { argument, nextUnit, pointer } from './control';
import { one, sigmoid4, tanh4 } from './vector';

const ROWS: i32 = 4;

/** Four floats, or one where a row ends. */
@inline function get(address: usize, whole: bool): v128 {
  return whole ? v128.load(address) : v128.load32_splat(address);
}
@inline function put(address: usize, value: v128, whole: bool): void {
  if (whole) v128.store(address, value);
  else store<f32>(address, f32x4.extract_lane(value, 0));
}

/** Bytes before row b of step t in a sequence, and of row b in what belongs to one step. */
@inline function inSequence(b: i32, t: i32, width: i32): usize {
  return <usize>((b * argument(2) + t) * width) << 2;
}
@inline function inStep(b: i32, width: i32): usize {
  return <usize>(b * width) << 2;
}

/** `d * y * (1 - y)`: back through a sigmoid with value y. */
@inline function sigmoidBack(d: v128, y: v128): v128 {
  return f32x4.mul(d, f32x4.mul(y, f32x4.sub(one(), y)));
}
/** `d * (1 - y²)`: back through a tanh with value y. */
@inline function tanhBack(d: v128, y: v128): v128 {
  return f32x4.mul(d, f32x4.sub(one(), f32x4.mul(y, y)));
}

/** The gradient of a state: what comes from its output (if any) and from the next step. */
@inline function stateGradient(dy: usize, dh: usize, b: i32, t: i32, hidden: i32, o: usize, whole: bool): v128 {
  const next = get(dh + inStep(b, hidden) + o, whole);
  return dy ? f32x4.add(next, get(dy + inSequence(b, t, hidden) + o, whole)) : next;
}

@inline function rnnForward(b: i32, t: i32, hidden: i32, o: usize, whole: bool): void {
  const state = pointer(4) + inSequence(b, t, hidden) + o, x = get(state, whole);
  put(state, argument(5) ? f32x4.max(x, f32x4.splat(0)) : tanh4(x), whole);
}

/** 4 states, before their activation and after, 5 whether it is relu, else tanh. */
export function rnnStep(_thread: i32): void {
  const batch = argument(0), hidden = argument(1), t = argument(3);
  for (;;) {
    const first = nextUnit(0) * ROWS;
    if (first >= batch) return;
    for (let b = first; b < min(batch, first + ROWS); b++) {
      let j = 0;
      for (; j <= hidden - 4; j += 4) rnnForward(b, t, hidden, <usize>j << 2, true);
      for (; j < hidden; j++) rnnForward(b, t, hidden, <usize>j << 2, false);
    }
  }
}

@inline function rnnBack(b: i32, t: i32, hidden: i32, o: usize, whole: bool): void {
  const y = get(pointer(4) + inSequence(b, t, hidden) + o, whole);
  const d = stateGradient(pointer(5), pointer(6), b, t, hidden, o, whole);
  const back = argument(8) ? v128.and(f32x4.gt(y, f32x4.splat(0)), d) : tanhBack(d, y);
  put(pointer(7) + inSequence(b, t, hidden) + o, back, whole);
}

/** 4 states, 5 dy or 0, 6 dh, 7 d of the inputs, 8 whether the activation is relu, else tanh. */
export function rnnStepGradient(_thread: i32): void {
  const batch = argument(0), hidden = argument(1), t = argument(3);
  for (;;) {
    const first = nextUnit(0) * ROWS;
    if (first >= batch) return;
    for (let b = first; b < min(batch, first + ROWS); b++) {
      let j = 0;
      for (; j <= hidden - 4; j += 4) rnnBack(b, t, hidden, <usize>j << 2, true);
      for (; j < hidden; j++) rnnBack(b, t, hidden, <usize>j << 2, false);
    }
  }
}

@inline function lstmForward(b: i32, t: i32, hidden: i32, o: usize, whole: bool): void {
  const step = <usize>hidden << 2, gates = pointer(4) + inSequence(b, t, 4 * hidden) + o, cell = pointer(5) + inSequence(b, t, hidden) + o;
  const before = t ? cell - step : pointer(7) + inStep(b, hidden) + o;
  const i = sigmoid4(get(gates, whole)), f = sigmoid4(get(gates + step, whole)), g = tanh4(get(gates + 2 * step, whole)), u = sigmoid4(get(gates + 3 * step, whole));
  const c = f32x4.add(f32x4.mul(f, get(before, whole)), f32x4.mul(i, g));
  put(gates, i, whole);
  put(gates + step, f, whole);
  put(gates + 2 * step, g, whole);
  put(gates + 3 * step, u, whole);
  put(cell, c, whole);
  put(pointer(6) + inSequence(b, t, hidden) + o, f32x4.mul(u, tanh4(c)), whole);
}

/** 4 gates, before their activations and after, 5 cells, 6 states, 7 cells before the first step [batch, hidden]. */
export function lstmStep(_thread: i32): void {
  const batch = argument(0), hidden = argument(1), t = argument(3);
  for (;;) {
    const first = nextUnit(0) * ROWS;
    if (first >= batch) return;
    for (let b = first; b < min(batch, first + ROWS); b++) {
      let j = 0;
      for (; j <= hidden - 4; j += 4) lstmForward(b, t, hidden, <usize>j << 2, true);
      for (; j < hidden; j++) lstmForward(b, t, hidden, <usize>j << 2, false);
    }
  }
}

@inline function lstmBack(b: i32, t: i32, hidden: i32, o: usize, whole: bool): void {
  const step = <usize>hidden << 2, gates = pointer(4) + inSequence(b, t, 4 * hidden) + o, cell = pointer(5) + inSequence(b, t, hidden) + o;
  const before = get(t ? cell - step : pointer(6) + inStep(b, hidden) + o, whole), target = pointer(10) + inSequence(b, t, 4 * hidden) + o, dCell = pointer(9) + inStep(b, hidden) + o;
  const i = get(gates, whole), f = get(gates + step, whole), g = get(gates + 2 * step, whole), u = get(gates + 3 * step, whole), c = tanh4(get(cell, whole));
  const dh = stateGradient(pointer(7), pointer(8), b, t, hidden, o, whole);
  const dc = f32x4.add(get(dCell, whole), tanhBack(f32x4.mul(dh, u), c));
  put(target, sigmoidBack(f32x4.mul(dc, g), i), whole);
  put(target + step, sigmoidBack(f32x4.mul(dc, before), f), whole);
  put(target + 2 * step, tanhBack(f32x4.mul(dc, i), g), whole);
  put(target + 3 * step, sigmoidBack(f32x4.mul(dh, c), u), whole);
  put(dCell, f32x4.mul(dc, f), whole);
}

/** 4 gates, 5 cells, 6 cells before the first step, 7 dy or 0, 8 dh, 9 d of the cell [batch, hidden], which is moved one step back, 10 d of the inputs. */
export function lstmStepGradient(_thread: i32): void {
  const batch = argument(0), hidden = argument(1), t = argument(3);
  for (;;) {
    const first = nextUnit(0) * ROWS;
    if (first >= batch) return;
    for (let b = first; b < min(batch, first + ROWS); b++) {
      let j = 0;
      for (; j <= hidden - 4; j += 4) lstmBack(b, t, hidden, <usize>j << 2, true);
      for (; j < hidden; j++) lstmBack(b, t, hidden, <usize>j << 2, false);
    }
  }
}

@inline function gruForward(b: i32, t: i32, hidden: i32, o: usize, whole: bool): void {
  const step = <usize>hidden << 2, inputs = pointer(4) + inSequence(b, t, 3 * hidden) + o, projected = pointer(5) + inStep(b, 3 * hidden) + o;
  const gates = pointer(6) + inSequence(b, t, 4 * hidden) + o, state = pointer(7) + inSequence(b, t, hidden) + o;
  const before = get(t ? state - step : pointer(8) + inStep(b, hidden) + o, whole), m = get(projected + 2 * step, whole);
  const r = sigmoid4(f32x4.add(get(inputs, whole), get(projected, whole))), z = sigmoid4(f32x4.add(get(inputs + step, whole), get(projected + step, whole)));
  const n = tanh4(f32x4.add(get(inputs + 2 * step, whole), f32x4.mul(r, m)));
  put(gates, r, whole);
  put(gates + step, z, whole);
  put(gates + 2 * step, n, whole);
  put(gates + 3 * step, m, whole);
  put(state, f32x4.add(f32x4.mul(f32x4.sub(one(), z), n), f32x4.mul(z, before)), whole);
}

/** 4 inputs, 5 projected state [batch, 3 * hidden], 6 gates and the projected state of the new one, [batch, seq, 4 * hidden], 7 states, 8 states before the first step. */
export function gruStep(_thread: i32): void {
  const batch = argument(0), hidden = argument(1), t = argument(3);
  for (;;) {
    const first = nextUnit(0) * ROWS;
    if (first >= batch) return;
    for (let b = first; b < min(batch, first + ROWS); b++) {
      let j = 0;
      for (; j <= hidden - 4; j += 4) gruForward(b, t, hidden, <usize>j << 2, true);
      for (; j < hidden; j++) gruForward(b, t, hidden, <usize>j << 2, false);
    }
  }
}

@inline function gruBack(b: i32, t: i32, hidden: i32, o: usize, whole: bool): void {
  const step = <usize>hidden << 2, gates = pointer(4) + inSequence(b, t, 4 * hidden) + o, state = pointer(5) + inSequence(b, t, hidden) + o;
  const before = get(t ? state - step : pointer(6) + inStep(b, hidden) + o, whole);
  const dInputs = pointer(9) + inSequence(b, t, 3 * hidden) + o, dProjected = pointer(10) + inSequence(b, t, 3 * hidden) + o;
  const r = get(gates, whole), z = get(gates + step, whole), n = get(gates + 2 * step, whole), m = get(gates + 3 * step, whole);
  const dh = stateGradient(pointer(7), pointer(8), b, t, hidden, o, whole);
  const dn = tanhBack(f32x4.mul(dh, f32x4.sub(one(), z)), n);
  const dr = sigmoidBack(f32x4.mul(dn, m), r), dz = sigmoidBack(f32x4.mul(dh, f32x4.sub(before, n)), z);
  put(dInputs, dr, whole);
  put(dInputs + step, dz, whole);
  put(dInputs + 2 * step, dn, whole);
  put(dProjected, dr, whole);
  put(dProjected + step, dz, whole);
  put(dProjected + 2 * step, f32x4.mul(dn, r), whole);
  put(pointer(8) + inStep(b, hidden) + o, f32x4.mul(dh, z), whole);
}

/** 4 gates as above, 5 states, 6 states before the first step, 7 dy or 0, 8 dh, which becomes its direct share one step back, 9 d of the inputs, 10 d of the projected states. */
export function gruStepGradient(_thread: i32): void {
  const batch = argument(0), hidden = argument(1), t = argument(3);
  for (;;) {
    const first = nextUnit(0) * ROWS;
    if (first >= batch) return;
    for (let b = first; b < min(batch, first + ROWS); b++) {
      let j = 0;
      for (; j <= hidden - 4; j += 4) gruBack(b, t, hidden, <usize>j << 2, true);
      for (; j < hidden; j++) gruBack(b, t, hidden, <usize>j << 2, false);
    }
  }
}
