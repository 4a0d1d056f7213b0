/**
 * Scaled dot-product attention, forward and backward, without ever holding all scores: a block of queries at a time, each with its whole row of scores
 * in scratch memory. The backward pass computes the weights again from the maximum and 1/sum of each row.
 */
import { activateRow } from './activation';
import { argument, nextUnit, number, pointer } from './control';
import { EDGE_BYTES, multiplyPanels } from './matrix-product';
import { packPanels, packTransposed, PANEL } from './pack';
import { dropoutFactors } from './random';
import * as rows from './rows';
import { expOrZero4, madd } from './vector';

/**
 * Arguments, shared by both kernels (strides in elements; h is an axis of heads):
 * 0 batch, 1 heads, 2 kvHeads, 3 queries, 4 keys, 5 headDim, 6 valueDim,
 * 7 q, 8..10 its strides (batch, head, row), 11 k, 12..14, 15 v, 16..18, 19 y, 20..22,
 * 23 statistics [batch, heads, queries, 2], 24 scale, 25 causal, 26 queryOffset, 27 window, 28 softCap,
 * 29 mask or 0, 30..33 its strides (batch, head, query, key), 34 bias or 0, 35..38,
 * 39 dropout threshold (0 = none), 40 and 41 key, 42 keep, 43 scratch, 44 scratch per thread, 45 queries per block, 46 query splits (forward),
 * 47 dy (strides of y), 48 dq, 49 dk, 50 dv (strides of q, k, v), 51 dBias or 0 (strides of bias).
 */
@inline function offset(first: i32, batch: i32, head: i32, row: i32): usize {
  return <usize>(batch * argument(first) + head * argument(first + 1) + row * argument(first + 2)) << 2;
}

/** First and last + 1 key that a query can see by causality and window; empty when last <= first. */
@inline function firstKey(query: i32): i32 {
  const window = argument(27);
  return window ? max(0, query + argument(26) - window + 1) : 0;
}
@inline function lastKey(query: i32): i32 {
  return argument(25) ? max(0, min(argument(4), query + argument(26) + 1)) : argument(4);
}

/** Adds bias and mask to the scaled scores of the keys in [from, to); s points at key 0. */
function addMasks(s: usize, batch: i32, head: i32, query: i32, from: i32, to: i32): void {
  const bias = pointer(34), mask = pointer(29);
  if (bias) {
    const stride = argument(38);
    const p = bias + (<usize>(batch * argument(35) + head * argument(36) + query * argument(37)) << 2);
    if (stride == 1) {
      const o = <usize>from << 2;
      rows.add(s + o, p + o, s + o, to - from);
    } else {
      const value = load<f32>(p);
      for (let key = from; key < to; key++) store<f32>(s + (<usize>key << 2), load<f32>(s + (<usize>key << 2)) + value);
    }
  }
  if (mask) {
    const stride = argument(33);
    const p = mask + <usize>(batch * argument(30) + head * argument(31) + query * argument(32));
    for (let key = from; key < to; key++) if (!load<u8>(p + <usize>(key * stride))) store<f32>(s + (<usize>key << 2), -Infinity);
  }
}

/** s = cap * tanh(s / cap), of scores that are scaled already. */
function capScores(s: usize, n: i32, cap: f32): void {
  rows.scale(s, s, n, 1 / cap);
  activateRow(5, s, s, n);
  rows.scale(s, s, n, cap);
}

/** s = exp(s * scale - shift), 0 for what is far below; returns the sum. */
function expSum(s: usize, n: i32, scale: f32, shift: f32): f32 {
  const c = f32x4.splat(scale), o = f32x4.splat(-shift);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = s + (<usize>i << 2);
    const x = madd(v128.load(p), c, o), y = madd(v128.load(p, 16), c, o);
    const u = expOrZero4(x), v = expOrZero4(y);
    v128.store(p, u);
    v128.store(p, v, 16);
  }
  for (; i < n; i++) {
    const p = s + (<usize>i << 2);
    store<f32>(p, f32x4.extract_lane(expOrZero4(madd(v128.load32_splat(p), c, o)), 0));
  }
  return rows.sum(s, n);
}
/** s = exp(s * scale - shift) * factor */
function expTimes(s: usize, n: i32, scale: f32, shift: f32, factor: f32): void {
  const c = f32x4.splat(scale), o = f32x4.splat(-shift), f = f32x4.splat(factor);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const p = s + (<usize>i << 2);
    const x = madd(v128.load(p), c, o), y = madd(v128.load(p, 16), c, o);
    const u = f32x4.mul(expOrZero4(x), f), v = f32x4.mul(expOrZero4(y), f);
    v128.store(p, u);
    v128.store(p, v, 16);
  }
  for (; i < n; i++) {
    const p = s + (<usize>i << 2);
    store<f32>(p, f32x4.extract_lane(expOrZero4(madd(v128.load32_splat(p), c, o)), 0) * factor);
  }
}

/** Brings the raw scores of one query into the form that is exponentiated with the returned scale (1 where masks or caps need them scaled first). */
function prepareScores(s: usize, batch: i32, head: i32, query: i32, from: i32, to: i32): f32 {
  const scale = number(24), cap = number(28);
  if (!pointer(29) && !pointer(34) && !cap && scale > 0) return scale;
  const p = s + (<usize>from << 2);
  rows.scale(p, p, to - from, scale);
  if (cap) capScores(p, to - from, cap);
  addMasks(s, batch, head, query, from, to);
  return 1;
}

/** Makes the scores of [from, to) whole vectors of weight zero, whose number it returns: single exponentials cost as much as four. Rows have the room. */
@inline function padScores(s: usize, from: i32, to: i32): i32 {
  const n = roundUp(to - from);
  rows.fill(s, to, from + n, -Infinity);
  return n;
}

@inline function roundUp(n: i32): i32 {
  return (n + PANEL - 1) & ~(PANEL - 1);
}

/** Sets what lies outside of [from, to) within [first, last) to zero: the products run over whole blocks. */
@inline function zeroOutside(s: usize, first: i32, from: i32, to: i32, last: i32): void {
  rows.fill(s, first, min(from, last), 0);
  rows.fill(s, max(to, first), last, 0);
}

/** Multiplies n weights by their dropout factors, from scratch. */
function applyDropout(s: usize, batch: i32, head: i32, query: i32, from: i32, to: i32, scratch: usize): void {
  const start = (((<u32>batch * argument(1) + head) * argument(3) + query) as u32) * argument(4) + from;
  const factors = dropoutFactors(scratch, start, to - from, argument(40), argument(41), argument(39), number(42));
  const p = s + (<usize>from << 2);
  rows.multiply(p, factors, p, to - from);
}

/** Where the keys of a block of queries begin, on a panel's edge. */
@inline function blockFirst(query: i32): i32 {
  return firstKey(query) & ~(PANEL - 1);
}

/** Up to this many queries (of a cache's next token) use keys and values where they are, as packing them would cost more. */
const FEW_QUERIES: i32 = 2;

/** Scores of keys [first, last) for `count` queries. */
function directScores(count: i32, q: usize, qStride: usize, k: usize, kStride: usize, headDim: i32, first: i32, last: i32, scores: usize, scoreStride: usize): void {
  for (let key = first; key < last; key++) {
    const row = k + <usize>key * kStride;
    for (let r = 0; r < count; r++) store<f32>(scores + <usize>r * scoreStride + (<usize>key << 2), rows.dot(q + <usize>r * qStride, row, headDim));
  }
}
/** y = weights of keys [first, last) times values. */
function directValues(count: i32, scores: usize, scoreStride: usize, v: usize, vStride: usize, valueDim: i32, first: i32, last: i32, y: usize, yStride: usize): void {
  for (let r = 0; r < count; r++) rows.fill(y + <usize>r * yStride, 0, valueDim, 0);
  for (let key = first; key < last; key++) {
    const row = v + <usize>key * vStride;
    for (let r = 0; r < count; r++) rows.addScaled(row, load<f32>(scores + <usize>r * scoreStride + (<usize>key << 2)), y + <usize>r * yStride, valueDim);
  }
}

/** Units: batch x heads x splits of the queries. */
export function attention(thread: i32): void {
  const batches = argument(0), heads = argument(1), group = heads / argument(2), queries = argument(3), keys = argument(4), headDim = argument(5), valueDim = argument(6);
  const block = argument(45), splits = argument(46);
  const qStride = <usize>argument(10) << 2, kStride = <usize>argument(14) << 2, vStride = <usize>argument(18) << 2, yStride = <usize>argument(22) << 2;
  const edge = pointer(43) + <usize>thread * pointer(44), direct = queries <= FEW_QUERIES;
  const packedK = edge + EDGE_BYTES, packedV = packedK + (<usize>(roundUp(keys) * headDim) << 2), scores = packedV + (<usize>(keys * roundUp(valueDim)) << 2);
  const scoreStride = <usize>(roundUp(keys) + PANEL) << 2, factors = scores + <usize>block * scoreStride;
  const kPanel = <usize>(headDim * PANEL) << 2, vPanel = <usize>(keys * PANEL) << 2;
  const blocks = (queries + block - 1) / block, blocksPerSplit = (blocks + splits - 1) / splits;
  let packed = -1;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= batches * heads * splits) return;
    const split = unit % splits, head = (unit / splits) % heads, batch = unit / (splits * heads), kvHead = head / group;
    const k = pointer(11) + offset(12, batch, kvHead, 0), v = pointer(15) + offset(16, batch, kvHead, 0);
    if (!direct && packed != batch * heads + kvHead) {
      packed = batch * heads + kvHead;
      packPanels(true, k, kStride, headDim, keys, 0, roundUp(keys) / PANEL, packedK, kPanel);
      packPanels(false, v, vStride, keys, valueDim, 0, roundUp(valueDim) / PANEL, packedV, vPanel);
    }
    for (let i = split * blocksPerSplit; i < min(blocks, (split + 1) * blocksPerSplit); i++) {
      const q0 = i * block, count = min(block, queries - q0);
      const first = blockFirst(q0), last = lastKey(q0 + count - 1), width = last - first;
      const y = pointer(19) + offset(20, batch, head, q0);
      const statistics = pointer(23) + (<usize>((batch * heads + head) * queries + q0) << 3);
      if (width <= 0) {
        for (let r = 0; r < count; r++) {
          rows.fill(y + <usize>r * yStride, 0, valueDim, 0);
          store<u64>(statistics + (<usize>r << 3), 0);
        }
        continue;
      }
      const s0 = scores + (<usize>first << 2), q = pointer(7) + offset(8, batch, head, q0);
      if (direct) directScores(count, q, qStride, k, kStride, headDim, first, last, scores, scoreStride);
      else multiplyPanels(count, width, headDim, q, qStride, false, packedK + <usize>(first / PANEL) * kPanel, kPanel, s0, scoreStride, false, edge);
      for (let r = 0; r < count; r++) {
        const s = scores + <usize>r * scoreStride, query = q0 + r, from = firstKey(query), to = lastKey(query);
        let shift: f32 = 0, factor: f32 = 0;
        if (to > from) {
          const p = s + (<usize>from << 2);
          const scale = prepareScores(s, batch, head, query, from, to), n = padScores(s, from, to);
          shift = rows.maximum(p, n) * scale;
          if (shift == -Infinity) {
            shift = 0;
            rows.fill(s, from, to, 0);
          } else {
            factor = 1 / expSum(p, n, scale, shift);
            rows.scale(p, p, n, factor);
            if (argument(39)) applyDropout(s, batch, head, query, from, to, factors);
          }
        }
        store<f32>(statistics + (<usize>r << 3), shift);
        store<f32>(statistics + (<usize>r << 3), factor, 4);
        zeroOutside(s, first, from, to, last);
      }
      if (direct) directValues(count, scores, scoreStride, v, vStride, valueDim, first, last, y, yStride);
      else multiplyPanels(count, valueDim, width, s0, scoreStride, false, packedV + (<usize>(first * PANEL) << 2), vPanel, y, yStride, false, edge);
    }
  }
}

/** d = (d - delta) * p * scale */
function scoreGradient(p: usize, d: usize, n: i32, delta: f32, scale: f32): void {
  const t = f32x4.splat(delta), c = f32x4.splat(scale);
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const u = f32x4.mul(f32x4.mul(f32x4.sub(v128.load(d + o), t), c), v128.load(p + o));
    const v = f32x4.mul(f32x4.mul(f32x4.sub(v128.load(d + o, 16), t), c), v128.load(p + o, 16));
    v128.store(d + o, u);
    v128.store(d + o, v, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(d + o, (load<f32>(d + o) - delta) * scale * load<f32>(p + o));
  }
}

/** d *= 1 - (s / cap)², where s are capped scores. */
function capGradient(d: usize, s: usize, n: i32, cap: f32): void {
  for (let i = 0; i < n; i++) {
    const o = <usize>i << 2;
    const t = load<f32>(s + o) / cap;
    store<f32>(d + o, load<f32>(d + o) * (1 - t * t));
  }
}

function addBiasGradient(d: usize, batch: i32, head: i32, query: i32, from: i32, to: i32): void {
  const p = pointer(51) + (<usize>(batch * argument(35) + head * argument(36) + query * argument(37)) << 2), o = <usize>from << 2;
  if (argument(38) == 1) rows.add(p + o, d + o, p + o, to - from);
  else store<f32>(p, load<f32>(p) + rows.sum(d + o, to - from));
}

/**
 * Units: batch x kvHeads; where the gradient of a bias is wanted, that is summed over a broadcast batch or head axis inside of one unit, so that the
 * order of the sum is fixed. dBias is zero on entry.
 */
export function attentionGradient(thread: i32): void {
  const batches = argument(0), heads = argument(1), kvHeads = argument(2), dBias = pointer(51);
  const sumBatches = dBias != 0 && argument(35) == 0, sumHeads = dBias != 0 && argument(36) == 0;
  const batchUnits = sumBatches ? 1 : batches, headUnits = sumHeads ? 1 : kvHeads;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= batchUnits * headUnits) return;
    const batch = unit / headUnits, kvHead = unit % headUnits;
    const group = heads / kvHeads;
    const lastBatch = sumBatches ? batches : batch + 1, lastHead = sumHeads ? kvHeads : kvHead + 1;
    for (let b = batch; b < lastBatch; b++) {
      for (let h = kvHead; h < lastHead; h++) gradientOfHead(thread, b, h, group);
    }
  }
}

/** All gradients of one key head. Blocks of queries go from the last to the first: with causal masks the first one then covers all keys. */
function gradientOfHead(thread: i32, batch: i32, kvHead: i32, group: i32): void {
  const heads = argument(1), queries = argument(3), keys = argument(4), headDim = argument(5), valueDim = argument(6), block = argument(45);
  const qStride = <usize>argument(10) << 2, kStride = <usize>argument(14) << 2, vStride = <usize>argument(18) << 2, yStride = <usize>argument(22) << 2;
  const keyRoom = roundUp(keys), edge = pointer(43) + <usize>thread * pointer(44);
  const kTransposed = edge + EDGE_BYTES, vTransposed = kTransposed + (<usize>(keyRoom * headDim) << 2), kRows = vTransposed + (<usize>(keyRoom * valueDim) << 2);
  const qRows = kRows + (<usize>(keys * roundUp(headDim)) << 2), dyRows = qRows + (<usize>(block * roundUp(headDim)) << 2), scores = dyRows + (<usize>(block * roundUp(valueDim)) << 2);
  const scoreStride = <usize>(keyRoom + PANEL) << 2, dScores = scores + <usize>block * scoreStride, factors = dScores + <usize>block * scoreStride;
  const capped = factors + scoreStride, packedScores = capped + scoreStride;
  const kPanel = <usize>(headDim * PANEL) << 2, vPanel = <usize>(valueDim * PANEL) << 2, kRowPanel = <usize>(keys * PANEL) << 2;
  const k = pointer(11) + offset(12, batch, kvHead, 0), v = pointer(15) + offset(16, batch, kvHead, 0);
  const dk = pointer(49) + offset(12, batch, kvHead, 0), dv = pointer(50) + offset(16, batch, kvHead, 0);
  const scale = number(24), cap = number(28);
  const plain = !pointer(51) && !cap && !argument(39); // then the scale can be applied in the same pass

  packPanels(true, k, kStride, headDim, keys, 0, keyRoom / PANEL, kTransposed, kPanel);
  packPanels(true, v, vStride, valueDim, keys, 0, keyRoom / PANEL, vTransposed, vPanel);
  packPanels(false, k, kStride, keys, headDim, 0, roundUp(headDim) / PANEL, kRows, kRowPanel);
  for (let key = 0; key < keys; key++) {
    rows.fill(dk + <usize>key * kStride, 0, headDim, 0);
    rows.fill(dv + <usize>key * vStride, 0, valueDim, 0);
  }

  for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
    for (let q0 = ((queries - 1) / block) * block; q0 >= 0; q0 -= block) {
      const count = min(block, queries - q0), first = blockFirst(q0), last = lastKey(q0 + count - 1), width = last - first;
      const q = pointer(7) + offset(8, batch, head, q0), y = pointer(19) + offset(20, batch, head, q0), dy = pointer(47) + offset(20, batch, head, q0);
      const dq = pointer(48) + offset(8, batch, head, q0);
      if (width <= 0) {
        for (let r = 0; r < count; r++) rows.fill(dq + <usize>r * qStride, 0, headDim, 0);
        continue;
      }
      const o0 = <usize>first << 2, panel = <usize>(first / PANEL);
      multiplyPanels(count, width, headDim, q, qStride, false, kTransposed + panel * kPanel, kPanel, scores + o0, scoreStride, false, edge);
      multiplyPanels(count, width, valueDim, dy, yStride, false, vTransposed + panel * vPanel, vPanel, dScores + o0, scoreStride, false, edge);
      for (let r = 0; r < count; r++) {
        const s = scores + <usize>r * scoreStride, d = dScores + <usize>r * scoreStride, query = q0 + r, from = firstKey(query), to = lastKey(query), o = <usize>from << 2;
        const statistics = pointer(23) + (<usize>((batch * heads + head) * queries + query) << 3);
        const factor = load<f32>(statistics, 4);
        if (to > from && factor != 0) {
          const n = to - from;
          if (cap) {
            rows.scale(s + o, capped + o, n, scale);
            capScores(capped + o, n, cap);
          }
          const scoreScale = prepareScores(s, batch, head, query, from, to);
          expTimes(s + o, padScores(s, from, to), scoreScale, load<f32>(statistics), factor);
          const delta = rows.dot(y + <usize>r * yStride, dy + <usize>r * yStride, valueDim);
          if (argument(39)) {
            applyDropout(d, batch, head, query, from, to, factors);
            scoreGradient(s + o, d + o, n, delta, 1);
            applyDropout(s, batch, head, query, from, to, factors); // dv wants the dropped weights
          } else scoreGradient(s + o, d + o, n, delta, plain ? scale : 1);
          if (pointer(51)) addBiasGradient(d, batch, head, query, from, to);
          if (cap) capGradient(d + o, capped + o, n, cap);
          if (!plain) rows.scale(d + o, d + o, n, scale);
        } else if (to > from) {
          rows.fill(s, from, to, 0);
          rows.fill(d, from, to, 0);
        }
        zeroOutside(s, first, from, to, last);
        zeroOutside(d, first, from, to, last);
      }
      multiplyPanels(count, headDim, width, dScores + o0, scoreStride, false, kRows + (<usize>(first * PANEL) << 2), kRowPanel, dq, qStride, false, edge);
      packPanels(false, q, qStride, count, headDim, 0, roundUp(headDim) / PANEL, qRows, <usize>count << 6);
      packPanels(false, dy, yStride, count, valueDim, 0, roundUp(valueDim) / PANEL, dyRows, <usize>count << 6);
      packTransposed(dScores + o0, scoreStride, width, count, packedScores, 0, false);
      multiplyPanels(width, headDim, count, packedScores, 0, true, qRows, <usize>(count * PANEL) << 2, dk + <usize>first * kStride, kStride, true, edge);
      packTransposed(scores + o0, scoreStride, width, count, packedScores, 0, false);
      multiplyPanels(width, valueDim, count, packedScores, 0, true, dyRows, <usize>(count * PANEL) << 2, dv + <usize>first * vStride, vStride, true, edge);
    }
  }
}
