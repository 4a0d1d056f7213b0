/** Rotary position embedding: pairs of numbers of a head, turned by the angle of their position. */
import { argument, nextUnit, number, pointer } from './control';

const ROWS: i32 = 32;

/** y[i] = x[i] cos - x[i + half] sin, y[i + half] = x[i + half] cos + x[i] sin */
function turnHalves(x: usize, y: usize, cos: usize, sin: usize, half: i32, sign: f32): void {
  const f = f32x4.splat(sign), distance = <usize>half << 2;
  let i = 0;
  for (; i <= half - 8; i += 8) {
    const o = <usize>i << 2, p = x + o, q = p + distance, r = y + o, t = r + distance;
    const a0 = v128.load(p), a1 = v128.load(p, 16), b0 = v128.load(q), b1 = v128.load(q, 16);
    const c0 = v128.load(cos + o), c1 = v128.load(cos + o, 16), s0 = f32x4.mul(v128.load(sin + o), f), s1 = f32x4.mul(v128.load(sin + o, 16), f);
    const u0 = f32x4.sub(f32x4.mul(a0, c0), f32x4.mul(b0, s0)), u1 = f32x4.sub(f32x4.mul(a1, c1), f32x4.mul(b1, s1));
    const v0 = f32x4.add(f32x4.mul(b0, c0), f32x4.mul(a0, s0)), v1 = f32x4.add(f32x4.mul(b1, c1), f32x4.mul(a1, s1));
    v128.store(r, u0);
    v128.store(r, u1, 16);
    v128.store(t, v0);
    v128.store(t, v1, 16);
  }
  for (; i < half; i++) turnPair(x + (<usize>i << 2), y + (<usize>i << 2), distance, load<f32>(cos + (<usize>i << 2)), load<f32>(sin + (<usize>i << 2)) * sign);
}

/** The same with x[2i] and x[2i + 1]. */
function turnNeighbours(x: usize, y: usize, cos: usize, sin: usize, half: i32, sign: f32): void {
  const f = f32x4.splat(sign);
  let i = 0;
  for (; i <= half - 4; i += 4) {
    const o = <usize>i << 2, p = x + 2 * o, r = y + 2 * o;
    const first = v128.load(p), second = v128.load(p, 16);
    const a = v128.shuffle<f32>(first, second, 0, 2, 4, 6), b = v128.shuffle<f32>(first, second, 1, 3, 5, 7);
    const c = v128.load(cos + o), s = f32x4.mul(v128.load(sin + o), f);
    const u = f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)), v = f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s));
    v128.store(r, v128.shuffle<f32>(u, v, 0, 4, 1, 5));
    v128.store(r, v128.shuffle<f32>(u, v, 2, 6, 3, 7), 16);
  }
  for (; i < half; i++) turnPair(x + (<usize>i << 3), y + (<usize>i << 3), 4, load<f32>(cos + (<usize>i << 2)), load<f32>(sin + (<usize>i << 2)) * sign);
}

@inline function turnPair(x: usize, y: usize, distance: usize, c: f32, s: f32): void {
  const a = load<f32>(x), b = load<f32>(x + distance);
  store<f32>(y, a * c - b * s);
  store<f32>(y + distance, b * c + a * s);
}

/**
 * Arguments: 0 rows [batch, heads, seq], 1 heads * seq, 2 seq, 3 headDim, 4 pairs per head, 5 x, 6 y, 7 cos, 8 sin, 9 angles per batch (0: all the same),
 * 10 neighbours, 11 sign of the angles.
 */
export function rotary(_thread: i32): void {
  const count = argument(0), perBatch = argument(1), seq = argument(2), dim = argument(3), half = argument(4), x = pointer(5), y = pointer(6);
  const cos = pointer(7), sin = pointer(8), batchAngles = argument(9), neighbours = argument(10) != 0, sign = number(11);
  const rowBytes = <usize>dim << 2, turned = <usize>half << 3;
  for (;;) {
    const first = nextUnit(0) * ROWS;
    if (first >= count) return;
    for (let row = first; row < min(count, first + ROWS); row++) {
      const p = x + <usize>row * rowBytes, q = y + <usize>row * rowBytes;
      const angles = <usize>((row / perBatch) * batchAngles + (row % seq) * half) << 2;
      if (neighbours) turnNeighbours(p, q, cos + angles, sin + angles, half, sign);
      else turnHalves(p, q, cos + angles, sin + angles, half, sign);
      if (turned < rowBytes) memory.copy(q + turned, p + turned, rowBytes - turned);
    }
  }
}
