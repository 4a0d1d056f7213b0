/** The matrix product, C = A · B, where each of A and B may be transposed. */
import { tile1x16, tile2x16, tile4x16, tile6x16, tile6x16Packed, tile6x8, tile6x8Packed } from '../build/assembly/tiles';
import { activateRow } from './activation';
import { argument, awaitPhase, finishUnit, hasWideTile, nextUnit, pointer } from './control';
import * as runs from './rows';
import { packPanels, packTransposed, PANEL, panelPitch, TILE_ROWS } from './pack';

/**
 * Depth of one pass. Every element of C is the sum of its passes, and each pass one chain of multiply-adds in the order of k: the same bits for any tile
 * and any split among threads.
 */
export const DEPTH: i32 = 384;
/** Numbers of C to compute before the epilogue runs over them, in rows as long as possible while they stay in the second-level cache. */
const STRIP_SIZE: i32 = 65536;
/** Room for one tile of C. */
export const EDGE_BYTES: usize = 512;

@inline function min2(a: i32, b: i32): i32 {
  return a < b ? a : b;
}

/**
 * C [rows, columns] (+)= A [rows, depth] · panels of B.
 *
 * @param panelBytes from one panel to the next
 * @param edge {@link EDGE_BYTES} of scratch
 */
export function multiplyPanels(rows: i32, columns: i32, depth: i32, a: usize, aStride: usize, aPacked: bool, b: usize, panelBytes: usize, c: usize, cStride: usize, accumulate: bool, edge: usize): void {
  const wide = hasWideTile();
  for (let j = 0; j < columns; j += PANEL) {
    const width = min2(PANEL, columns - j);
    if (aPacked) stripPacked(wide, rows, width, depth, a, b, c, cStride, accumulate, edge);
    else stripInPlace(wide, rows, width, depth, a, aStride, b, c, cStride, accumulate, edge);
    b += panelBytes;
    c += <usize>PANEL << 2;
  }
}

function stripInPlace(wide: bool, rows: i32, width: i32, depth: i32, a: usize, aStride: usize, b: usize, c: usize, cStride: usize, accumulate: bool, edge: usize): void {
  const whole = width == PANEL, last = wide ? rows - 8 : -1; // eight rows are quicker as two tiles of four
  let i = 0;
  for (; i <= rows - TILE_ROWS && i != last; i += TILE_ROWS) {
    const target = whole ? c : edge, stride = whole ? cStride : 64, add = whole && accumulate;
    if (wide) tile6x16(depth, a, aStride, b, target, stride, add);
    else {
      tile6x8(depth, a, aStride, b, target, stride, add);
      if (width > 8) tile6x8(depth, a, aStride, b + 32, target + 32, stride, add);
    }
    if (!whole) copyEdge(edge, TILE_ROWS, width, c, cStride, accumulate);
    a += TILE_ROWS * aStride;
    c += TILE_ROWS * cStride;
  }
  while (i < rows) {
    const rest = rows - i, tile = rest >= 4 ? 4 : rest >= 2 ? 2 : 1;
    if (tile == 4) tile4x16(depth, a, aStride, b, edge, 64, false);
    else if (tile == 2) tile2x16(depth, a, aStride, b, edge, 64, false);
    else tile1x16(depth, a, aStride, b, edge, 64, false);
    copyEdge(edge, tile, width, c, cStride, accumulate);
    a += <usize>tile * aStride;
    c += <usize>tile * cStride;
    i += tile;
  }
}

function stripPacked(wide: bool, rows: i32, width: i32, depth: i32, a: usize, b: usize, c: usize, cStride: usize, accumulate: bool, edge: usize): void {
  const panel = <usize>(TILE_ROWS * depth) << 2;
  for (let i = 0; i < rows; i += TILE_ROWS) {
    const whole = width == PANEL && rows - i >= TILE_ROWS;
    const target = whole ? c : edge, stride = whole ? cStride : 64, add = whole && accumulate;
    if (wide) tile6x16Packed(depth, a, 0, b, target, stride, add);
    else {
      tile6x8Packed(depth, a, 0, b, target, stride, add);
      if (width > 8) tile6x8Packed(depth, a, 0, b + 32, target + 32, stride, add);
    }
    if (!whole) copyEdge(edge, min2(TILE_ROWS, rows - i), width, c, cStride, accumulate);
    a += panel;
    c += TILE_ROWS * cStride;
  }
}

function copyEdge(edge: usize, rows: i32, columns: i32, c: usize, cStride: usize, accumulate: bool): void {
  for (let i = 0; i < rows; i++) {
    if (columns == PANEL) {
      for (let j: usize = 0; j < 64; j += 16) {
        const x = v128.load(edge + j);
        v128.store(c + j, accumulate ? f32x4.add(v128.load(c + j), x) : x);
      }
    } else {
      for (let j = 0; j < columns; j++) {
        const o = <usize>j << 2;
        const x = load<f32>(edge + o);
        store<f32>(c + o, accumulate ? load<f32>(c + o) + x : x);
      }
    }
    edge += 64;
    c += cStride;
  }
}

/** `y = activation(y + bias) + residual` on one run of a row; `pre`, if any, gets what the activation sees. */
function finishRow(y: usize, n: i32, bias: usize, activation: i32, pre: usize, residual: usize): void {
  if (!activation) {
    if (bias && residual) addTwo(y, bias, residual, n);
    else if (bias) addOne(y, bias, y, n);
    else if (residual) addOne(y, residual, y, n);
    return;
  }
  if (bias) addOne(y, bias, pre, n);
  else memory.copy(pre, y, <usize>n << 2);
  activateRow(activation, pre, y, n);
  if (residual) addOne(y, residual, y, n);
}

function addOne(x: usize, y: usize, z: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const u = f32x4.add(v128.load(x + o), v128.load(y + o)), v = f32x4.add(v128.load(x + o, 16), v128.load(y + o, 16));
    v128.store(z + o, u);
    v128.store(z + o, v, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(z + o, load<f32>(x + o) + load<f32>(y + o));
  }
}
function addTwo(x: usize, y: usize, z: usize, n: i32): void {
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    const u = f32x4.add(f32x4.add(v128.load(x + o), v128.load(y + o)), v128.load(z + o));
    const v = f32x4.add(f32x4.add(v128.load(x + o, 16), v128.load(y + o, 16)), v128.load(z + o, 16));
    v128.store(x + o, u);
    v128.store(x + o, v, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(x + o, load<f32>(x + o) + load<f32>(y + o) + load<f32>(z + o));
  }
}

/**
 * One product whose work is shared: all threads pack B, then take blocks of C.
 *
 * Arguments: 0 rows, 1 columns, 2 depth, 3 a, 4 a's stride in bytes, 5 a transposed, 6 b, 7 its stride, 8 b transposed, 9 c, 10 its stride, 11 packed B,
 * 12 bias, 13 residual, 14 activation, 15 pre-activation, 16 rows per unit, 17 columns per unit, 18 scratch, 19 scratch per thread, 20 accumulate,
 * 21 sums of A's rows (transposed A only), 22 panels per packing unit, 23 whether B is packed already.
 */
export function matrixProduct(thread: i32): void {
  const rows = argument(0), columns = argument(1), depth = argument(2);
  const a = pointer(3), aStride = pointer(4), aTransposed = argument(5) != 0;
  const b = pointer(6), bStride = pointer(7), bTransposed = argument(8) != 0;
  const c = pointer(9), cStride = pointer(10), packed = pointer(11);
  const bias = pointer(12), residual = pointer(13), activation = argument(14), pre = pointer(15);
  const unitRows = argument(16), unitColumns = argument(17), edge = pointer(18) + <usize>thread * pointer(19), packedA = edge + EDGE_BYTES;
  const accumulate = argument(20) != 0, sums = pointer(21), group = argument(22);

  const panels = (columns + PANEL - 1) / PANEL, pitch = panelPitch(depth);
  const packUnits = (panels + group - 1) / group;
  while (!argument(23)) {
    const unit = nextUnit(0);
    if (unit >= packUnits) break;
    packPanels(bTransposed, b, bStride, depth, columns, unit * group, min2(panels, (unit + 1) * group), packed, pitch);
    finishUnit(0);
  }
  if (!argument(23)) awaitPhase(0, packUnits);

  const rowUnits = (rows + unitRows - 1) / unitRows, columnUnits = (columns + unitColumns - 1) / unitColumns;
  for (;;) {
    const unit = nextUnit(1);
    if (unit >= rowUnits * columnUnits) break;
    const i0 = (unit / columnUnits) * unitRows, j0 = (unit % columnUnits) * unitColumns;
    const height = min2(unitRows, rows - i0), j1 = min2(columns, j0 + unitColumns);
    const strip = max(8 * PANEL, (STRIP_SIZE / height) & ~(PANEL - 1));
    for (let k0 = 0; k0 < depth; k0 += DEPTH) {
      const pass = min2(DEPTH, depth - k0), add = k0 > 0 || accumulate, last = k0 + pass == depth;
      if (aTransposed) {
        packTransposed(a + <usize>k0 * aStride + (<usize>i0 << 2), aStride, height, pass, packedA, sums && j0 == 0 ? sums + (<usize>i0 << 2) : 0, add);
      }
      for (let j = j0; j < j1; j += strip) {
        const width = min2(strip, j1 - j);
        const from = aTransposed ? packedA : a + <usize>i0 * aStride + (<usize>k0 << 2);
        const corner = c + <usize>i0 * cStride + (<usize>j << 2);
        multiplyPanels(height, width, pass, from, aStride, aTransposed, packed + <usize>(j / PANEL) * pitch + (<usize>(k0 * PANEL) << 2), pitch, corner, cStride, add, edge);
        if (last && (bias || residual || activation)) finish(corner, cStride, height, width, j, bias, activation, pre ? pre + (corner - c) : 0, residual ? residual + (corner - c) : 0);
      }
    }
  }
}

/** Bias, activation and residual of a block of C. */
export function finish(c: usize, stride: usize, rows: i32, columns: i32, column: i32, bias: usize, activation: i32, pre: usize, residual: usize): void {
  const rowBias = bias ? bias + (<usize>column << 2) : 0;
  for (let i = 0; i < rows; i++) {
    const o = <usize>i * stride;
    finishRow(c + o, columns, rowBias, activation, pre ? pre + o : 0, residual ? residual + o : 0);
  }
}

/**
 * A product of a few rows with a transposed B, which is read where it is: packing it would cost more than the product. Units are strips of columns.
 * Arguments as in {@link matrixProduct}; 17 is a multiple of 4.
 */
export function fewRowsProduct(_thread: i32): void {
  const rows = argument(0), columns = argument(1), depth = argument(2), a = pointer(3), aStride = pointer(4), b = pointer(6), bStride = pointer(7);
  const c = pointer(9), cStride = pointer(10), bias = pointer(12), residual = pointer(13), activation = argument(14), pre = pointer(15), unitColumns = argument(17);
  for (;;) {
    const j0 = nextUnit(0) * unitColumns;
    if (j0 >= columns) return;
    const j1 = min2(columns, j0 + unitColumns);
    let j = j0;
    for (; j <= j1 - 4; j += 4) {
      for (let i = 0; i < rows; i++) runs.dotFour(a + <usize>i * aStride, b + <usize>j * bStride, bStride, depth, c + <usize>i * cStride + (<usize>j << 2));
    }
    for (; j < j1; j++) for (let i = 0; i < rows; i++) store<f32>(c + <usize>i * cStride + (<usize>j << 2), runs.dot(a + <usize>i * aStride, b + <usize>j * bStride, depth));
    const o = <usize>j0 << 2;
    if (bias || residual || activation) finish(c + o, cStride, rows, j1 - j0, j0, bias, activation, pre ? pre + o : 0, residual ? residual + o : 0);
  }
}

/**
 * Many products of one shape, one unit each.
 *
 * Arguments: 0..10 as in {@link matrixProduct}, with 3, 6, 9 the addresses of lists of addresses; 11 products, 12 scratch, 13 scratch per thread.
 */
export function matrixProducts(thread: i32): void {
  const rows = argument(0), columns = argument(1), depth = argument(2);
  const aList = pointer(3), aStride = pointer(4), aTransposed = argument(5) != 0;
  const bList = pointer(6), bStride = pointer(7), bTransposed = argument(8) != 0;
  const cList = pointer(9), cStride = pointer(10), count = argument(11);
  const edge = pointer(12) + <usize>thread * pointer(13), packedB = edge + EDGE_BYTES;
  const panels = (columns + PANEL - 1) / PANEL;
  const pitch = panelPitch(depth), packedA = packedB + <usize>panels * pitch;
  let lastB: usize = 0;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= count) return;
    const o = <usize>unit << 2;
    const a: usize = load<u32>(aList + o), b: usize = load<u32>(bList + o), c: usize = load<u32>(cList + o);
    if (b != lastB) packPanels(bTransposed, b, bStride, depth, columns, 0, panels, packedB, pitch);
    lastB = b;
    for (let k0 = 0; k0 < depth; k0 += DEPTH) {
      const pass = min2(DEPTH, depth - k0);
      if (aTransposed) packTransposed(a + <usize>k0 * aStride, aStride, rows, pass, packedA, 0, false);
      multiplyPanels(rows, columns, pass, aTransposed ? packedA : a + (<usize>k0 << 2), aStride, aTransposed, packedB + (<usize>(k0 * PANEL) << 2), pitch, c, cStride, k0 > 0, edge);
    }
  }
}
