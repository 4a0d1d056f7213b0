/** Rows of a table by id, and the sum of rows by id. */
import { argument, awaitPhase, finishUnit, nextUnit, pointer } from './control';
import * as rows from './rows';

const ROWS: i32 = 64;
const COLUMNS: i32 = 32;
const FILL: i32 = 65536;

/** Arguments: 0 ids, 1 dim, 2 addresses of ids, 3 table, 4 y, 5 vocab. Ids out of range give zeros. */
export function gatherRows(_thread: i32): void {
  const count = argument(0), dim = argument(1), ids = pointer(2), table = pointer(3), y = pointer(4), vocab = argument(5);
  const rowBytes = <usize>dim << 2;
  for (;;) {
    const from = nextUnit(0) * ROWS;
    if (from >= count) return;
    for (let i = from; i < min(count, from + ROWS); i++) {
      const id = load<i32>(ids + (<usize>i << 2)), target = y + <usize>i * rowBytes;
      if (<u32>id < <u32>vocab) rows.copy(table + <usize>id * rowBytes, target, dim);
      else rows.fill(target, 0, dim, 0);
    }
  }
}

/** Adds row i of dy to row ids[i] of the target, in the order of i. Arguments: 0 ids, 1 dim, 2 ids, 3 dy, 4 target, 5 vocab. */
export function scatterAddRows(_thread: i32): void {
  const count = argument(0), dim = argument(1), ids = pointer(2), dy = pointer(3), target = pointer(4), vocab = argument(5);
  const rowBytes = <usize>dim << 2, size = vocab * dim, fills = (size + FILL - 1) / FILL;
  for (;;) {
    const unit = nextUnit(0);
    if (unit >= fills) break;
    memory.fill(target + (<usize>unit * FILL << 2), 0, <usize>min(FILL, size - unit * FILL) << 2);
    finishUnit(0);
  }
  awaitPhase(0, fills);
  for (;;) {
    const column = nextUnit(1) * COLUMNS;
    if (column >= dim) return;
    const width = min(COLUMNS, dim - column), o = <usize>column << 2;
    for (let i = 0; i < count; i++) {
      const id = load<i32>(ids + (<usize>i << 2));
      if (<u32>id >= <u32>vocab) continue;
      const p = target + <usize>id * rowBytes + o;
      rows.add(p, dy + <usize>i * rowBytes + o, p, width);
    }
  }
}
