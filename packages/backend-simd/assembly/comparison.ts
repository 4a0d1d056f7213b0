/** Comparisons and logic: results are bytes, 0 or 1. Codes are shared with src/kernels/comparison.ts. */
import { argument, nextUnit, pointer } from './control';
import { outerOffset, STRIDES_A, STRIDES_B } from './strides';

const CHUNK: i32 = 8192;

const EQUAL = 0, NOT_EQUAL = 1, LESS = 2, LESS_EQUAL = 3, GREATER = 4, GREATER_EQUAL = 5, IS_INFINITE = 6, IS_FINITE = 7;
/** Added for int32. */
const INTEGER = 8;

@inline function compare4(code: i32, a: v128, b: v128): v128 {
  if (code == EQUAL) return f32x4.eq(a, b);
  if (code == NOT_EQUAL) return f32x4.ne(a, b);
  if (code == LESS) return f32x4.lt(a, b);
  if (code == LESS_EQUAL) return f32x4.le(a, b);
  if (code == GREATER) return f32x4.gt(a, b);
  if (code == GREATER_EQUAL) return f32x4.ge(a, b);
  if (code == IS_INFINITE) return f32x4.eq(f32x4.abs(a), f32x4.splat(Infinity));
  if (code == IS_FINITE) return f32x4.lt(f32x4.abs(a), f32x4.splat(Infinity));
  if (code == INTEGER + EQUAL) return i32x4.eq(a, b);
  if (code == INTEGER + NOT_EQUAL) return i32x4.ne(a, b);
  if (code == INTEGER + LESS) return i32x4.lt_s(a, b);
  if (code == INTEGER + LESS_EQUAL) return i32x4.le_s(a, b);
  if (code == INTEGER + GREATER) return i32x4.gt_s(a, b);
  return i32x4.ge_s(a, b);
}

@inline function get(address: usize, step: i32, o: usize): v128 {
  return step ? v128.load(address + o) : v128.load32_splat(address);
}

/** aStep and bStep: 1 for a run of values, 0 for one value that is repeated. */
@inline function loop(code: i32, a: usize, aStep: i32, b: usize, bStep: i32, c: usize, n: i32): void {
  const bits = i8x16.splat(1);
  let i = 0;
  for (; i <= n - 16; i += 16) {
    const o = <usize>i << 2;
    const m0 = compare4(code, get(a, aStep, o), get(b, bStep, o)), m1 = compare4(code, get(a, aStep, o + 16), get(b, bStep, o + 16));
    const m2 = compare4(code, get(a, aStep, o + 32), get(b, bStep, o + 32)), m3 = compare4(code, get(a, aStep, o + 48), get(b, bStep, o + 48));
    const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m0, m1), i16x8.narrow_i32x4_s(m2, m3));
    v128.store(c + <usize>i, v128.and(bytes, bits));
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    const mask = compare4(code, v128.load32_splat(a + (aStep ? o : 0)), v128.load32_splat(b + (bStep ? o : 0)));
    store<u8>(c + <usize>i, i32x4.extract_lane(mask, 0) & 1);
  }
}

function compareRow(code: i32, a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void {
  switch (code) {
    case EQUAL: loop(EQUAL, a, x, b, y, c, n); return;
    case NOT_EQUAL: loop(NOT_EQUAL, a, x, b, y, c, n); return;
    case LESS: loop(LESS, a, x, b, y, c, n); return;
    case LESS_EQUAL: loop(LESS_EQUAL, a, x, b, y, c, n); return;
    case GREATER: loop(GREATER, a, x, b, y, c, n); return;
    case GREATER_EQUAL: loop(GREATER_EQUAL, a, x, b, y, c, n); return;
    case IS_INFINITE: loop(IS_INFINITE, a, x, b, y, c, n); return;
    case IS_FINITE: loop(IS_FINITE, a, x, b, y, c, n); return;
    case INTEGER + EQUAL: loop(INTEGER + EQUAL, a, x, b, y, c, n); return;
    case INTEGER + NOT_EQUAL: loop(INTEGER + NOT_EQUAL, a, x, b, y, c, n); return;
    case INTEGER + LESS: loop(INTEGER + LESS, a, x, b, y, c, n); return;
    case INTEGER + LESS_EQUAL: loop(INTEGER + LESS_EQUAL, a, x, b, y, c, n); return;
    case INTEGER + GREATER: loop(INTEGER + GREATER, a, x, b, y, c, n); return;
    default: loop(INTEGER + GREATER_EQUAL, a, x, b, y, c, n);
  }
}

const AND = 0, OR = 1, XOR = 2;

@inline function logic(code: i32, a: u8, b: u8): u8 {
  if (code == AND) return u8(a != 0) & u8(b != 0);
  if (code == OR) return u8((a | b) != 0);
  return u8((a != 0) != (b != 0));
}

function logicRow(code: i32, a: usize, aStep: i32, b: usize, bStep: i32, c: usize, n: i32): void {
  for (let i = 0; i < n; i++) store<u8>(c + <usize>i, logic(code, load<u8>(a + <usize>(i * aStep)), load<u8>(b + <usize>(i * bStep))));
}

@inline function walk(isLogic: bool): void {
  const code = argument(0), a = pointer(1), b = pointer(2), c = pointer(3), inner = argument(4), aStep = argument(5), bStep = argument(6);
  const axes = argument(7), outer = argument(8), unitRows = argument(9), shift: usize = isLogic ? 0 : 2;
  if (unitRows == 0) {
    for (;;) {
      const from = nextUnit(0) * CHUNK;
      if (from >= inner) return;
      const o = <usize>from << shift, n = min(CHUNK, inner - from);
      if (isLogic) logicRow(code, a + (aStep ? o : 0), aStep, b + (bStep ? o : 0), bStep, c + <usize>from, n);
      else compareRow(code, a + (aStep ? o : 0), aStep, b + (bStep ? o : 0), bStep, c + <usize>from, n);
    }
  }
  for (;;) {
    const from = nextUnit(0) * unitRows;
    if (from >= outer) return;
    for (let row = from; row < min(outer, from + unitRows); row++) {
      const p = a + (<usize>outerOffset(row, axes, STRIDES_A) << shift), q = b + (<usize>outerOffset(row, axes, STRIDES_B) << shift);
      if (isLogic) logicRow(code, p, aStep, q, bStep, c + <usize>(row * inner), inner);
      else compareRow(code, p, aStep, q, bStep, c + <usize>(row * inner), inner);
    }
  }
}

/** c = a ∘ b of 4-byte values with broadcasting; arguments as those of `binary` in elementwise.ts. */
export function compare(_thread: i32): void {
  walk(false);
}

/** The same of bytes. */
export function combine(_thread: i32): void {
  walk(true);
}

/** All (code 0) or any (1) along an axis of bytes. Arguments: 0 code, 1 outer, 2 axis, 3 inner, 4 x, 5 y. */
export function reduceBytes(_thread: i32): void {
  const any = argument(0) != 0, outer = argument(1), axis = argument(2), inner = argument(3), x = pointer(4), y = pointer(5);
  for (;;) {
    const row = nextUnit(0);
    if (row >= outer) return;
    for (let column = 0; column < inner; column++) {
      let p = x + <usize>(row * axis * inner + column);
      let result = !any;
      for (let i = 0; i < axis && result != any; i++) {
        if ((load<u8>(p) != 0) == any) result = any;
        p += inner;
      }
      store<u8>(y + <usize>(row * inner + column), u8(result));
    }
  }
}
