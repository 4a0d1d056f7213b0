/** Threefry-2x32 with 20 rounds (Salmon et al. 2011), the same bits as `uniformValues` of @formers/backend, and dropout by it. */
import { argument, nextUnit, number, pointer } from './control';
import * as rows from './rows';

const CHUNK: i32 = 8192;

@inline function rotate(x: v128, bits: i32): v128 {
  return v128.or(i32x4.shl(x, bits), i32x4.shr_u(x, 32 - bits));
}

/** `factor` where uniform >= rate, else 0; `word` are random words. The 24 bits of a uniform number order like the words shifted by 8. */
@inline function keepOrDrop(word: v128, threshold: v128, factor: v128): v128 {
  return v128.and(i32x4.ge_s(i32x4.shr_u(word, 8), threshold), factor);
}

/** Writes the dropout factors of elements `start` to `start + 8`; start is even. */
@inline function eight(target: usize, start: u32, k0: i32, k1: i32, threshold: v128, factor: v128): void {
  const k2 = k0 ^ k1 ^ 0x1bd11bda;
  const a = i32x4.splat(k0), b = i32x4.splat(k1), c = i32x4.splat(k2);
  let x = i32x4.add(i32x4.add(i32x4.splat(<i32>(start >>> 1)), i32x4(0, 1, 2, 3)), a);
  let y = b;
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 13), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 15), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 26), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 6), x);
  x = i32x4.add(x, b); y = i32x4.add(y, i32x4.splat(k2 + 1));
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 17), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 29), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 16), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 24), x);
  x = i32x4.add(x, c); y = i32x4.add(y, i32x4.splat(k0 + 2));
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 13), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 15), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 26), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 6), x);
  x = i32x4.add(x, a); y = i32x4.add(y, i32x4.splat(k1 + 3));
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 17), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 29), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 16), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 24), x);
  x = i32x4.add(x, b); y = i32x4.add(y, i32x4.splat(k2 + 4));
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 13), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 15), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 26), x);
  x = i32x4.add(x, y); y = v128.xor(rotate(y, 6), x);
  x = i32x4.add(x, c); y = i32x4.add(y, i32x4.splat(k0 + 5));
  const u = keepOrDrop(x, threshold, factor), v = keepOrDrop(y, threshold, factor);
  v128.store(target, v128.shuffle<i32>(u, v, 0, 4, 1, 5));
  v128.store(target, v128.shuffle<i32>(u, v, 2, 6, 3, 7), 16);
}

/**
 * Writes the dropout factors (`keep` or 0) of elements `start` to `start + n` of a mask; the target needs room for 16 more floats. Returns where
 * element `start` lies: one float further when start is odd.
 */
export function dropoutFactors(target: usize, start: u32, n: i32, k0: i32, k1: i32, threshold: i32, keep: f32): usize {
  const t = i32x4.splat(threshold), f = f32x4.splat(keep);
  const odd = <i32>(start & 1);
  for (let i = 0; i < n + odd; i += 8) eight(target + (<usize>i << 2), start - odd + i, k0, k1, t, f);
  return target + (<usize>odd << 2);
}

/** Arguments: 0 size, 1 x, 2 y, 3 and 4 key, 5 threshold (24 bits), 6 keep, 7 scratch, 8 scratch per thread. */
export function dropout(thread: i32): void {
  const size = argument(0), x = pointer(1), y = pointer(2), k0 = argument(3), k1 = argument(4), threshold = argument(5), keep = number(6);
  const scratch = pointer(7) + <usize>thread * pointer(8);
  for (;;) {
    const from = nextUnit(0) * CHUNK;
    if (from >= size) return;
    const n = min(CHUNK, size - from), o = <usize>from << 2;
    dropoutFactors(scratch, from, n, k0, k1, threshold, keep);
    rows.multiply(x + o, scratch, y + o, n);
  }
}
