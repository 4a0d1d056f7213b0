/** Elementwise arithmetic with broadcasting, and elementwise functions; codes are shared with src/kernels/elementwise.ts. */
import { argument, nextUnit, number, pointer } from './control';
import { outerOffset, STRIDES_A, STRIDES_B } from './strides';
import { erf4, expFull4, one } from './vector';

const CHUNK: i32 = 8192;

const ADD = 0, SUB = 1, MUL = 2, DIV = 3, MAX = 4, MIN = 5, SQUARED_DIFFERENCE = 6;
/** Of int32. */
const INT_ADD = 7, INT_SUB = 8, INT_MUL = 9, INT_MAX = 10, INT_MIN = 11;
/** One number at a time. */
const POW = 12, MOD = 13;

@inline function binary4(code: i32, a: v128, b: v128): v128 {
  if (code == ADD) return f32x4.add(a, b);
  if (code == SUB) return f32x4.sub(a, b);
  if (code == MUL) return f32x4.mul(a, b);
  if (code == DIV) return f32x4.div(a, b);
  if (code == MAX) return f32x4.max(a, b);
  if (code == MIN) return f32x4.min(a, b);
  if (code == INT_ADD) return i32x4.add(a, b);
  if (code == INT_SUB) return i32x4.sub(a, b);
  if (code == INT_MUL) return i32x4.mul(a, b);
  if (code == INT_MAX) return i32x4.max_s(a, b);
  if (code == INT_MIN) return i32x4.min_s(a, b);
  const d = f32x4.sub(a, b);
  return f32x4.mul(d, d);
}

@inline function last(code: i32, a: usize, b: usize, c: usize): void {
  store<f32>(c, f32x4.extract_lane(binary4(code, v128.load32_splat(a), v128.load32_splat(b)), 0));
}

/** aStep and bStep: 1 for a run of values, 0 for one value that is repeated. */
@inline function loops(code: i32, a: usize, aStep: i32, b: usize, bStep: i32, c: usize, n: i32): void {
  let i = 0;
  if (aStep && bStep) {
    for (; i <= n - 8; i += 8) {
      const o = <usize>i << 2;
      const u = binary4(code, v128.load(a + o), v128.load(b + o)), v = binary4(code, v128.load(a + o, 16), v128.load(b + o, 16));
      v128.store(c + o, u);
      v128.store(c + o, v, 16);
    }
    for (; i < n; i++) last(code, a + (<usize>i << 2), b + (<usize>i << 2), c + (<usize>i << 2));
  } else if (aStep) {
    const y = v128.load32_splat(b);
    for (; i <= n - 8; i += 8) {
      const o = <usize>i << 2;
      const u = binary4(code, v128.load(a + o), y), v = binary4(code, v128.load(a + o, 16), y);
      v128.store(c + o, u);
      v128.store(c + o, v, 16);
    }
    for (; i < n; i++) last(code, a + (<usize>i << 2), b, c + (<usize>i << 2));
  } else {
    const x = v128.load32_splat(a);
    for (; i <= n - 8; i += 8) {
      const o = <usize>i << 2;
      const u = binary4(code, x, v128.load(b + o)), v = binary4(code, x, v128.load(b + o, 16));
      v128.store(c + o, u);
      v128.store(c + o, v, 16);
    }
    for (; i < n; i++) last(code, a, b + (bStep ? <usize>i << 2 : 0), c + (<usize>i << 2));
  }
}

function addRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(ADD, a, x, b, y, c, n); }
function subRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(SUB, a, x, b, y, c, n); }
function mulRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(MUL, a, x, b, y, c, n); }
function divRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(DIV, a, x, b, y, c, n); }
function maxRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(MAX, a, x, b, y, c, n); }
function minRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(MIN, a, x, b, y, c, n); }
function squaredDifferenceRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(SQUARED_DIFFERENCE, a, x, b, y, c, n); }

function intAddRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(INT_ADD, a, x, b, y, c, n); }
function intSubRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(INT_SUB, a, x, b, y, c, n); }
function intMulRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(INT_MUL, a, x, b, y, c, n); }
function intMaxRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(INT_MAX, a, x, b, y, c, n); }
function intMinRow(a: usize, x: i32, b: usize, y: i32, c: usize, n: i32): void { loops(INT_MIN, a, x, b, y, c, n); }

/** The remainder with the sign of the divisor. */
function modulo(x: f32, y: f32): f32 {
  const remainder = x % y;
  return x < 0 == y < 0 ? remainder : (remainder + y) % y;
}
function scalarRow(code: i32, a: usize, aStep: i32, b: usize, bStep: i32, c: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const x = load<f32>(a + (<usize>(i * aStep) << 2)), y = load<f32>(b + (<usize>(i * bStep) << 2));
    store<f32>(c + (<usize>i << 2), code == POW ? Mathf.pow(x, y) : modulo(x, y));
  }
}

function binaryRow(code: i32, a: usize, aStep: i32, b: usize, bStep: i32, c: usize, n: i32): void {
  switch (code) {
    case ADD: addRow(a, aStep, b, bStep, c, n); return;
    case SUB: subRow(a, aStep, b, bStep, c, n); return;
    case MUL: mulRow(a, aStep, b, bStep, c, n); return;
    case DIV: divRow(a, aStep, b, bStep, c, n); return;
    case MAX: maxRow(a, aStep, b, bStep, c, n); return;
    case MIN: minRow(a, aStep, b, bStep, c, n); return;
    case INT_ADD: intAddRow(a, aStep, b, bStep, c, n); return;
    case INT_SUB: intSubRow(a, aStep, b, bStep, c, n); return;
    case INT_MUL: intMulRow(a, aStep, b, bStep, c, n); return;
    case INT_MAX: intMaxRow(a, aStep, b, bStep, c, n); return;
    case INT_MIN: intMinRow(a, aStep, b, bStep, c, n); return;
    case POW: case MOD: scalarRow(code, a, aStep, b, bStep, c, n); return;
    default: squaredDifferenceRow(a, aStep, b, bStep, c, n);
  }
}

/**
 * c = a ∘ b with broadcasting: over up to 8 outer axes and one inner run.
 *
 * Arguments: 0 code, 1 a, 2 b, 3 c, 4 inner size, 5 a's inner step (0 or 1), 6 b's, 7 outer axes, 8 outer rows, 9 rows per unit (0: the inner run is
 * split instead), 10.. sizes of the outer axes, 18.. a's strides, 26.. b's strides, in elements.
 */
export function binary(_thread: i32): void {
  const code = argument(0), a = pointer(1), b = pointer(2), c = pointer(3), inner = argument(4), aStep = argument(5), bStep = argument(6);
  const axes = argument(7), outer = argument(8), unitRows = argument(9);
  if (unitRows == 0) {
    for (;;) {
      const from = nextUnit(0) * CHUNK;
      if (from >= inner) return;
      const o = <usize>from << 2;
      binaryRow(code, a + (aStep ? o : 0), aStep, b + (bStep ? o : 0), bStep, c + o, min(CHUNK, inner - from));
    }
  }
  for (;;) {
    const from = nextUnit(0) * unitRows;
    if (from >= outer) return;
    for (let row = from; row < min(outer, from + unitRows); row++) {
      binaryRow(code, a + (<usize>outerOffset(row, axes, STRIDES_A) << 2), aStep, b + (<usize>outerOffset(row, axes, STRIDES_B) << 2), bStep, c + (<usize>(row * inner) << 2), inner);
    }
  }
}

const NEG = 0, ABS = 1, SQUARE = 2, SQRT = 3, RSQRT = 4, RECIPROCAL = 5, EXP = 6, ERF = 7, FLOOR = 8, CEIL = 9, SCALE_SHIFT = 10, RELU6 = 11, STEP = 12, CLIP = 13, ROUND = 14, SIGN = 15, LEAKY_RELU = 16, ELU = 17;
/** One number at a time. */
const LOG = 18, LOG1P = 19, EXPM1 = 20, SIN = 21, COS = 22, SOFTPLUS = 23;

@inline function unary4(code: i32, x: v128, p: v128, q: v128): v128 {
  if (code == NEG) return f32x4.neg(x);
  if (code == ABS) return f32x4.abs(x);
  if (code == SQUARE) return f32x4.mul(x, x);
  if (code == SQRT) return f32x4.sqrt(x);
  if (code == RSQRT) return f32x4.div(one(), f32x4.sqrt(x));
  if (code == RECIPROCAL) return f32x4.div(one(), x);
  if (code == EXP) return expFull4(x);
  if (code == ERF) return erf4(x);
  if (code == FLOOR) return f32x4.floor(x);
  if (code == CEIL) return f32x4.ceil(x);
  if (code == SCALE_SHIFT) return f32x4.add(f32x4.mul(x, p), q);
  if (code == RELU6) return f32x4.min(f32x4.max(x, f32x4.splat(0)), f32x4.splat(6));
  if (code == STEP) return v128.bitselect(one(), v128.bitselect(p, x, f32x4.eq(x, x)), f32x4.gt(x, f32x4.splat(0)));
  if (code == ROUND) return f32x4.nearest(x);
  if (code == SIGN) return f32x4.sub(v128.and(f32x4.gt(x, f32x4.splat(0)), one()), v128.and(f32x4.lt(x, f32x4.splat(0)), one()));
  if (code == LEAKY_RELU) return v128.bitselect(f32x4.mul(x, p), x, f32x4.lt(x, f32x4.splat(0)));
  if (code == ELU) return v128.bitselect(x, f32x4.sub(expFull4(x), one()), f32x4.ge(x, f32x4.splat(0)));
  return f32x4.min(f32x4.max(x, p), q);
}

/** `log(1 + exp(x))`; beyond 14 it is x, as float32 tells no difference. */
function softplus(x: f32): f32 {
  if (x > 14) return x;
  return Mathf.log1p(Mathf.exp(x));
}
function scalarUnaryRow(code: i32, x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const o = <usize>i << 2, value = load<f32>(x + o);
    let result: f32;
    if (code == LOG) result = Mathf.log(value);
    else if (code == LOG1P) result = Mathf.log1p(value);
    else if (code == EXPM1) result = Mathf.expm1(value);
    else if (code == SIN) result = Mathf.sin(value);
    else if (code == COS) result = Mathf.cos(value);
    else result = softplus(value);
    store<f32>(y + o, result);
  }
}

@inline function unaryLoop(code: i32, x: usize, y: usize, n: i32): void {
  const p = f32x4.splat(number(4)), q = f32x4.splat(number(5));
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const u = unary4(code, v128.load(x + o), p, q), v = unary4(code, v128.load(x + o, 16), p, q);
    v128.store(y + o, u);
    v128.store(y + o, v, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(y + o, f32x4.extract_lane(unary4(code, v128.load32_splat(x + o), p, q), 0));
  }
}

function unaryRow(code: i32, x: usize, y: usize, n: i32): void {
  switch (code) {
    case NEG: unaryLoop(NEG, x, y, n); return;
    case ABS: unaryLoop(ABS, x, y, n); return;
    case SQUARE: unaryLoop(SQUARE, x, y, n); return;
    case SQRT: unaryLoop(SQRT, x, y, n); return;
    case RSQRT: unaryLoop(RSQRT, x, y, n); return;
    case RECIPROCAL: unaryLoop(RECIPROCAL, x, y, n); return;
    case EXP: unaryLoop(EXP, x, y, n); return;
    case ERF: unaryLoop(ERF, x, y, n); return;
    case FLOOR: unaryLoop(FLOOR, x, y, n); return;
    case CEIL: unaryLoop(CEIL, x, y, n); return;
    case SCALE_SHIFT: unaryLoop(SCALE_SHIFT, x, y, n); return;
    case RELU6: unaryLoop(RELU6, x, y, n); return;
    case STEP: unaryLoop(STEP, x, y, n); return;
    case ROUND: unaryLoop(ROUND, x, y, n); return;
    case SIGN: unaryLoop(SIGN, x, y, n); return;
    case LEAKY_RELU: unaryLoop(LEAKY_RELU, x, y, n); return;
    case ELU: unaryLoop(ELU, x, y, n); return;
    case CLIP: unaryLoop(CLIP, x, y, n); return;
    default: scalarUnaryRow(code, x, y, n);
  }
}

/** Arguments: 0 code, 1 size, 2 x, 3 y, 4 and 5 parameters. */
export function unary(_thread: i32): void {
  const code = argument(0), size = argument(1), x = pointer(2), y = pointer(3);
  for (;;) {
    const from = nextUnit(0) * CHUNK;
    if (from >= size) return;
    const o = <usize>from << 2;
    unaryRow(code, x + o, y + o, min(CHUNK, size - from));
  }
}

/** Arguments: 0 size, 1 x (int32), 2 y (float32). */
export function intToFloat(_thread: i32): void {
  const size = argument(0), x = pointer(1), y = pointer(2);
  for (;;) {
    const from = nextUnit(0) * CHUNK;
    if (from >= size) return;
    for (let i = from; i < min(size, from + CHUNK); i++) store<f32>(y + (<usize>i << 2), <f32>load<i32>(x + (<usize>i << 2)));
  }
}
