/** Arithmetic on four floats at a time. */

/** `a * b + c`; rounded once in the relaxed build (where the machine has fused multiply-add), twice in the plain one. */
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

@inline export function horizontalSum(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
@inline export function horizontalMax(v: v128): f32 {
  return max(max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)), max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
}
@inline export function horizontalMin(v: v128): f32 {
  return min(min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)), min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)));
}

// V8 builds a vector constant from several instructions each time it is used; loads from memory are cheaper and revectorize.
const TABLE: usize = memory.data<f32>([
  // exp: 0 lowest, 1 highest, 2 log2(e), 3 rounding constant 1.5 * 2^23, 4 -log(2) high, 5 -log(2) low, 6..11 polynomial, 12 one (Cephes expf)
  -70, 80, 1.44269504, 12582912, -0.693359375, 2.1219444e-4, 1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1, 1,
  // 13 exp(-70) rounded up
  4.0e-31,
  // GELU by tanh as x / (1 + exp(-2u)): 14, 15 of the exponent, 16, 17 of its derivative
  -0.07135481627, -1.59576912, 0.21406444881, 1.59576912,
  // tanh: 18 bound, 19..25 odd numerator, 26..29 even denominator (Eigen)
  7.90531110763549805, -2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-8, 1.48572235717979e-5, 6.37261928875436e-4, 4.89352455891786e-3,
  1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3,
  // erf: 30 bound, 31..37 odd numerator, 38..42 even denominator (Eigen)
  4, -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5, -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2,
  -1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2,
  // 43 half, 44 1/sqrt(2), 45 1/sqrt(2 pi), 46 minus half
  0.5, 0.70710678118654752, 0.3989422804014327, -0.5,
  // exp over the whole range: 47 lowest, 48 highest
  -104, 89,
]);

@inline function constant(index: usize): v128 {
  return v128.load32_splat(TABLE + (index << 2));
}

@inline export function one(): v128 {
  return constant(12);
}
@inline export function half(): v128 {
  return constant(43);
}

/** x within bounds; NaN stays NaN. `pmin` and `pmax` keep their first operand where it is NaN and are one instruction, unlike `min` and `max`. */
@inline function bounded(x: v128, lowest: v128, highest: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, lowest), highest);
}

/** `exp(x)` for x in [-70, 80]; beyond, the value at the bound. NaN stays NaN. */
@inline export function exp4(x: v128): v128 {
  x = bounded(x, constant(0), constant(1));
  const rounded = madd(x, constant(2), constant(3));
  return i32x4.add(expFraction(x, f32x4.sub(rounded, constant(3))), i32x4.shl(rounded, 23));
}

/** `exp(x)` for x <= 0, exactly 0 below -70: no denormal numbers, which cost a microcode assist each. */
@inline export function expOrZero4(x: v128): v128 {
  return f32x4.pmax(f32x4.sub(exp4(x), constant(13)), f32x4.splat(0));
}

/** `exp(x)` over the whole range of float32, infinite and zero included. */
@inline export function expFull4(x: v128): v128 {
  x = bounded(x, constant(47), constant(48));
  const rounded = madd(x, constant(2), constant(3));
  const n = f32x4.sub(rounded, constant(3));
  const power = i32x4.trunc_sat_f32x4_s(n);
  const first = i32x4.shr_s(power, 1);
  const second = i32x4.sub(power, first);
  const scale1 = i32x4.shl(i32x4.add(first, i32x4.splat(127)), 23);
  const scale2 = i32x4.shl(i32x4.add(second, i32x4.splat(127)), 23);
  return f32x4.mul(f32x4.mul(expFraction(x, n), scale1), scale2);
}

/** `exp(x - n log 2)`. */
@inline function expFraction(x: v128, n: v128): v128 {
  const r = madd(n, constant(5), madd(n, constant(4), x));
  let p = madd(constant(6), r, constant(7));
  p = madd(p, r, constant(8));
  p = madd(p, r, constant(9));
  p = madd(p, r, constant(10));
  p = madd(p, r, constant(11));
  return f32x4.add(madd(p, f32x4.mul(r, r), r), constant(12));
}

@inline export function sigmoid4(x: v128): v128 {
  return f32x4.div(one(), f32x4.add(one(), exp4(f32x4.neg(x))));
}

@inline export function tanh4(x: v128): v128 {
  x = bounded(x, f32x4.neg(constant(18)), constant(18));
  const s = f32x4.mul(x, x);
  let p = madd(constant(19), s, constant(20));
  p = madd(p, s, constant(21));
  p = madd(p, s, constant(22));
  p = madd(p, s, constant(23));
  p = madd(p, s, constant(24));
  p = madd(p, s, constant(25));
  let q = madd(constant(26), s, constant(27));
  q = madd(q, s, constant(28));
  q = madd(q, s, constant(29));
  return f32x4.div(f32x4.mul(x, p), q);
}

@inline export function erf4(x: v128): v128 {
  x = bounded(x, f32x4.neg(constant(30)), constant(30));
  const s = f32x4.mul(x, x);
  let p = madd(constant(31), s, constant(32));
  p = madd(p, s, constant(33));
  p = madd(p, s, constant(34));
  p = madd(p, s, constant(35));
  p = madd(p, s, constant(36));
  p = madd(p, s, constant(37));
  let q = madd(constant(38), s, constant(39));
  q = madd(q, s, constant(40));
  q = madd(q, s, constant(41));
  q = madd(q, s, constant(42));
  return f32x4.div(f32x4.mul(x, p), q);
}

@inline export function gelu4(x: v128): v128 {
  return f32x4.mul(f32x4.mul(x, half()), f32x4.add(one(), erf4(f32x4.mul(x, constant(44)))));
}
@inline export function geluDerivative4(x: v128): v128 {
  const cumulative = madd(erf4(f32x4.mul(x, constant(44))), half(), half());
  const density = f32x4.mul(exp4(f32x4.mul(f32x4.mul(x, x), constant(46))), constant(45));
  return madd(x, density, cumulative);
}

@inline export function geluTanh4(x: v128): v128 {
  const exponent = f32x4.mul(x, madd(f32x4.mul(x, x), constant(14), constant(15)));
  return f32x4.div(x, f32x4.add(one(), exp4(exponent)));
}
@inline export function geluTanhDerivative4(x: v128): v128 {
  const square = f32x4.mul(x, x);
  const exponent = f32x4.mul(x, madd(square, constant(14), constant(15)));
  const s = f32x4.div(one(), f32x4.add(one(), exp4(exponent)));
  const slope = f32x4.mul(x, madd(square, constant(16), constant(17)));
  return madd(slope, f32x4.mul(s, f32x4.sub(one(), s)), s);
}

@inline export function silu4(x: v128): v128 {
  return f32x4.div(x, f32x4.add(one(), exp4(f32x4.neg(x))));
}
@inline export function siluDerivative4(x: v128): v128 {
  const s = sigmoid4(x);
  return f32x4.mul(s, madd(x, f32x4.sub(one(), s), one()));
}
