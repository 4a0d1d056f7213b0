/**
 * Packing for the matrix product. B goes into panels of 16 columns, each [depth, 16], zeros beside the last column; a transposed A into panels of as many
 * rows as the tile has, each [depth, tileRows].
 */

export const PANEL: i32 = 16;
/** Rows of the register tiles. */
export const TILE_ROWS: i32 = 6;
const PANEL_BYTES: usize = 64;

/** Bytes from one panel of B to the next: an odd number of cache lines, as lines at the same place of panels a power of two apart would crowd each other out. */
@inline export function panelPitch(depth: i32): usize {
  return <usize>(depth | 1) * PANEL_BYTES;
}

/** Packs `count` full panels of a row-major B [depth, ...], starting at `source`. A row of B is read once for all of them. */
function packRows(source: usize, stride: usize, depth: i32, count: i32, target: usize, pitch: usize): void {
  for (let k = 0; k < depth; k++) {
    let from = source, to = target;
    for (let panel = 0; panel < count; panel++) {
      const a = v128.load(from), b = v128.load(from, 16), c = v128.load(from, 32), d = v128.load(from, 48);
      v128.store(to, a);
      v128.store(to, b, 16);
      v128.store(to, c, 32);
      v128.store(to, d, 48);
      from += PANEL_BYTES;
      to += pitch;
    }
    source += stride;
    target += PANEL_BYTES;
  }
}

/** Packs the last panel of a row-major B, `columns` < 16 wide. */
function packRowsEdge(source: usize, stride: usize, depth: i32, columns: i32, target: usize): void {
  for (let k = 0; k < depth; k++) {
    for (let j = 0; j < PANEL; j++) store<f32>(target + (<usize>j << 2), j < columns ? load<f32>(source + (<usize>j << 2)) : 0);
    source += stride;
    target += PANEL_BYTES;
  }
}

/** Packs one panel of a transposed B: element (k, j) is at `source + j * stride + k * 4`. */
function packColumns(source: usize, stride: usize, depth: i32, columns: i32, target: usize): void {
  let k = 0;
  if (columns >= PANEL) {
    for (; k <= depth - 4; k += 4) {
      for (let j = 0; j < PANEL; j += 4) {
        const p0 = source + <usize>j * stride + (<usize>k << 2), p1 = p0 + stride, p2 = p1 + stride, p3 = p2 + stride;
        const r0 = v128.load(p0), r1 = v128.load(p1), r2 = v128.load(p2), r3 = v128.load(p3);
        const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
        const t2 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
        const to = target + (<usize>(k * PANEL + j) << 2);
        v128.store(to, v128.shuffle<f32>(t0, t2, 0, 1, 4, 5));
        v128.store(to, v128.shuffle<f32>(t0, t2, 2, 3, 6, 7), 64);
        v128.store(to, v128.shuffle<f32>(t1, t3, 0, 1, 4, 5), 128);
        v128.store(to, v128.shuffle<f32>(t1, t3, 2, 3, 6, 7), 192);
      }
    }
  }
  for (; k < depth; k++) {
    for (let j = 0; j < PANEL; j++) {
      store<f32>(target + (<usize>(k * PANEL + j) << 2), j < columns ? load<f32>(source + <usize>j * stride + (<usize>k << 2)) : 0);
    }
  }
}

/** Packs panels `from` to `to` of B [depth, columns], `pitch` bytes apart. */
export function packPanels(transposed: bool, source: usize, stride: usize, depth: i32, columns: i32, from: i32, to: i32, target: usize, pitch: usize): void {
  if (transposed) {
    for (let panel = from; panel < to; panel++) {
      const j = panel * PANEL;
      packColumns(source + <usize>j * stride, stride, depth, min(PANEL, columns - j), target + <usize>panel * pitch);
    }
    return;
  }
  const full = min(to, columns / PANEL);
  if (full > from) packRows(source + (<usize>(from * PANEL) << 2), stride, depth, full - from, target + <usize>from * pitch, pitch);
  if (to > full) {
    const j = full * PANEL;
    packRowsEdge(source + (<usize>j << 2), stride, depth, columns - j, target + <usize>full * pitch);
  }
}

/**
 * Packs a transposed A (element (m, k) at `source + k * stride + m * 4`) into panels of {@link TILE_ROWS} rows, zeros below the last row. With `sums`, adds up
 * each row of A along k on the way, onto what is there where `accumulate`.
 */
export function packTransposed(source: usize, stride: usize, rows: i32, depth: i32, target: usize, sums: usize, accumulate: bool): void {
  const panelSize = <usize>(depth * TILE_ROWS) << 2, rowBytes = <usize>TILE_ROWS << 2;
  const full = rows / TILE_ROWS, rest = rows - full * TILE_ROWS;
  if (sums && !accumulate) memory.fill(sums, 0, <usize>rows << 2);
  let k = 0;
  // Four steps at a time: each panel then gets whole cache lines.
  for (; k <= depth - 4; k += 4) {
    if (sums) addFour(sums, source, stride, rows);
    const next = source + stride, third = next + stride, fourth = third + stride;
    let o: usize = 0, to = target;
    for (let panel = 0; panel < full; panel++) {
      copySix(to, source + o);
      copySix(to + 24, next + o);
      copySix(to + 48, third + o);
      copySix(to + 72, fourth + o);
      o += rowBytes;
      to += panelSize;
    }
    if (rest) for (let i: usize = 0; i < 4; i++) copyRest(to + i * rowBytes, source + o + i * stride, rest);
    source += 4 * stride;
    target += 4 * rowBytes;
  }
  for (; k < depth; k++) {
    if (sums) addOne(sums, source, rows);
    let from = source, to = target;
    for (let panel = 0; panel < full; panel++) {
      copySix(to, from);
      from += rowBytes;
      to += panelSize;
    }
    if (rest) copyRest(to, from, rest);
    source += stride;
    target += rowBytes;
  }
}

@inline function copySix(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  store<u64>(to, load<u64>(from, 16), 16);
}
function copyRest(to: usize, from: usize, rest: i32): void {
  for (let m = 0; m < TILE_ROWS; m++) store<f32>(to + (<usize>m << 2), m < rest ? load<f32>(from + (<usize>m << 2)) : 0);
}

/** sums += row, as four rows would be added one after another. */
function addFour(sums: usize, x: usize, stride: usize, n: i32): void {
  const y = x + stride, z = y + stride, w = z + stride;
  let i = 0;
  for (; i <= n - 8; i += 8) {
    const o = <usize>i << 2;
    let a = f32x4.add(v128.load(sums + o), v128.load(x + o)), b = f32x4.add(v128.load(sums + o, 16), v128.load(x + o, 16));
    a = f32x4.add(a, v128.load(y + o));
    b = f32x4.add(b, v128.load(y + o, 16));
    a = f32x4.add(a, v128.load(z + o));
    b = f32x4.add(b, v128.load(z + o, 16));
    a = f32x4.add(a, v128.load(w + o));
    b = f32x4.add(b, v128.load(w + o, 16));
    v128.store(sums + o, a);
    v128.store(sums + o, b, 16);
  }
  for (; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(sums + o, load<f32>(sums + o) + load<f32>(x + o) + load<f32>(y + o) + load<f32>(z + o) + load<f32>(w + o));
  }
}
function addOne(sums: usize, x: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const o = <usize>i << 2;
    store<f32>(sums + o, load<f32>(sums + o) + load<f32>(x + o));
  }
}
