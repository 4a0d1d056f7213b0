/** Copies that rearrange: transposes, slices, concatenations. Values are 4 bytes wide. */
import { argument, nextUnit, pointer } from './control';

/** Copies `rows` x `columns` values between two strided places. Arguments: 0 rows, 1 bytes per row, 2 from, 3 its stride in bytes, 4 to, 5 its stride, 6 rows per unit. */
export function copyRows(_thread: i32): void {
  const count = argument(0), bytes = pointer(1), from = pointer(2), fromStride = pointer(3), to = pointer(4), toStride = pointer(5), unitRows = argument(6);
  for (;;) {
    const first = nextUnit(0) * unitRows;
    if (first >= count) return;
    for (let row = first; row < min(count, first + unitRows); row++) memory.copy(to + <usize>row * toStride, from + <usize>row * fromStride, bytes);
  }
}

/**
 * Gathers runs of a strided tensor of up to 8 outer axes into one contiguous tensor.
 *
 * Arguments: 0 from, 1 to, 2 inner size, 3 inner stride, 4 outer axes, 5 outer rows, 6 rows per unit, 10.. sizes of the outer axes, 18.. their strides in elements.
 */
export function gatherStrided(_thread: i32): void {
  const from = pointer(0), to = pointer(1), inner = argument(2), stride = argument(3), axes = argument(4), outer = argument(5), unitRows = argument(6);
  for (;;) {
    const first = nextUnit(0) * unitRows;
    if (first >= outer) return;
    for (let row = first; row < min(outer, first + unitRows); row++) {
      let rest = row, offset = 0;
      for (let axis = axes - 1; axis >= 0; axis--) {
        const size = argument(10 + axis), index = rest % size;
        rest /= size;
        offset += index * argument(18 + axis);
      }
      const source = from + (<usize>offset << 2), target = to + (<usize>(row * inner) << 2);
      if (stride == 1) memory.copy(target, source, <usize>inner << 2);
      else {
        const step = <usize>stride << 2;
        for (let i = 0; i < inner; i++) store<u32>(target + (<usize>i << 2), load<u32>(source + <usize>i * step));
      }
    }
  }
}

/** Transposes the last two axes of [batch, rows, columns]. Arguments: 0 batch, 1 rows, 2 columns, 3 from, 4 to. Units are strips of 32 columns. */
export function transposeMatrices(_thread: i32): void {
  const batch = argument(0), rowCount = argument(1), columns = argument(2), from = pointer(3), to = pointer(4);
  const strips = (columns + 31) / 32, size = <usize>(rowCount * columns) << 2, fromStride = <usize>columns << 2, toStride = <usize>rowCount << 2;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= batch * strips) return;
    const j0 = (unit % strips) * 32, width = min(32, columns - j0), b = <usize>(unit / strips) * size;
    const source = from + b + (<usize>j0 << 2), target = to + b + <usize>j0 * toStride;
    let i = 0;
    for (; i <= rowCount - 4; i += 4) {
      let j = 0;
      for (; j <= width - 4; j += 4) {
        const p = source + <usize>i * fromStride + (<usize>j << 2);
        const r0 = v128.load(p), r1 = v128.load(p + fromStride), r2 = v128.load(p + 2 * fromStride), r3 = v128.load(p + 3 * fromStride);
        const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5), t1 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
        const t2 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5), t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
        const q = target + <usize>j * toStride + (<usize>i << 2);
        v128.store(q, v128.shuffle<f32>(t0, t2, 0, 1, 4, 5));
        v128.store(q + toStride, v128.shuffle<f32>(t0, t2, 2, 3, 6, 7));
        v128.store(q + 2 * toStride, v128.shuffle<f32>(t1, t3, 0, 1, 4, 5));
        v128.store(q + 3 * toStride, v128.shuffle<f32>(t1, t3, 2, 3, 6, 7));
      }
      for (; j < width; j++) for (let r = i; r < i + 4; r++) move(source, fromStride, target, toStride, r, j);
    }
    for (; i < rowCount; i++) for (let j = 0; j < width; j++) move(source, fromStride, target, toStride, i, j);
  }
}

@inline function move(source: usize, fromStride: usize, target: usize, toStride: usize, i: i32, j: i32): void {
  store<u32>(target + <usize>j * toStride + (<usize>i << 2), load<u32>(source + <usize>i * fromStride + (<usize>j << 2)));
}

/**
 * The opposite of {@link gatherStrided}: spreads one contiguous tensor over runs of a strided one. Arguments as there, with 0 the contiguous tensor and
 * 1 the strided one; the inner stride is 1.
 */
export function scatterStrided(_thread: i32): void {
  const from = pointer(0), to = pointer(1), inner = argument(2), axes = argument(4), outer = argument(5), unitRows = argument(6);
  for (;;) {
    const first = nextUnit(0) * unitRows;
    if (first >= outer) return;
    for (let row = first; row < min(outer, first + unitRows); row++) {
      let rest = row, offset = 0;
      for (let axis = axes - 1; axis >= 0; axis--) {
        const size = argument(10 + axis), index = rest % size;
        rest /= size;
        offset += index * argument(18 + axis);
      }
      memory.copy(to + (<usize>offset << 2), from + (<usize>(row * inner) << 2), <usize>inner << 2);
    }
  }
}

/** Arguments: 0 size, 1 y, 2 the 32 bits of the value. */
export function fillValues(_thread: i32): void {
  const size = argument(0), y = pointer(1), value = i32x4.splat(argument(2));
  for (;;) {
    const from = nextUnit(0) * 8192;
    if (from >= size) return;
    // Allocations end on a multiple of 64 bytes: the last vector may run over the end of a tensor.
    for (let i = from; i < min(size, from + 8192); i += 4) v128.store(y + (<usize>i << 2), value);
  }
}

/** y = condition ? a : b, of 4-byte values. Arguments: 0 size, 1 condition (bytes), 2 a, 3 b, 4 y. */
export function selectValues(_thread: i32): void {
  const size = argument(0), condition = pointer(1), a = pointer(2), b = pointer(3), y = pointer(4);
  for (;;) {
    const from = nextUnit(0) * 8192;
    if (from >= size) return;
    for (let i = from; i < min(size, from + 8192); i++) {
      const o = <usize>i << 2;
      store<u32>(y + o, load<u8>(condition + <usize>i) ? load<u32>(a + o) : load<u32>(b + o));
    }
  }
}
