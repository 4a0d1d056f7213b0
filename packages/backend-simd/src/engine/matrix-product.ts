import type { WasmEngine } from './wasm-engine.ts';

/** One operand: an address and its row stride in elements; `transposed` when its rows run along the other axis. */
export interface Matrix {
  readonly address: number;
  readonly stride: number;
  readonly transposed?: boolean;
}

/** C [rows, columns] = activation(A [rows, depth] · B [depth, columns] + bias) + residual. */
export interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly a: Matrix;
  readonly b: Matrix;
  readonly c: Matrix;
  /** [columns] */
  readonly bias?: number;
  /** Of C's layout. */
  readonly residual?: number;
  /** Code of the activation; 0 = none. */
  readonly activation?: number;
  /** Where to keep what the activation sees, of C's layout; needed with an activation. */
  readonly preActivation?: number;
  /** Adds to C. */
  readonly accumulate?: boolean;
  /** [rows]: sums of the rows of A, which must be transposed: the gradient of a bias. */
  readonly sums?: number;
  /** Asked for room that keeps packed B for later products, of this many bytes; undefined = B is packed for this product alone. */
  readonly keepB?: (bytes: number) => PackedMatrix | undefined;
}

/** Room for a packed B. */
export interface PackedMatrix {
  readonly address: number;
  /** Whether B is there already. */
  readonly isReady: boolean;
}

/** Room for the packed B of many products with the same B, which is packed by the first of them. */
export function packedOnce(engine: WasmEngine): { readonly keepB: (bytes: number) => PackedMatrix; free(): void } {
  let address = 0;
  return {
    keepB(bytes) {
      const isReady = address > 0;
      address ||= engine.allocate(bytes);
      return { address, isReady };
    },
    free() {
      if (address) engine.free(address);
    },
  };
}

/** As in assembly/matrix-product.ts. */
const DEPTH = 384;
const PANEL = 16;
const TILE_ROWS = 6;
/** Up to this many rows, as in decoding, a transposed B isn't packed. */
const FEW_ROWS = 4;
/** Columns per unit of such a product. */
const STRIP = 64;
const EDGE_BYTES = 512;

const roundUp = (n: number, multiple: number) => Math.ceil(n / multiple) * multiple;

/** Room for a packed B: panels an odd number of cache lines apart, as in assembly/pack.ts. */
export function packedBytes(columns: number, depth: number): number {
  return Math.ceil(columns / PANEL) * PANEL * 4 * (depth | 1);
}

/** Most rows of a unit: with a transposed A, its packed rows stay in the second-level cache. */
const MOST_ROWS = 192;
/** What the panels of B that a unit reads again cost, in rows. */
const UNIT_ROWS = 8;

/** Rows of a unit of work, a multiple of the tile's: those with which the busiest thread is done first, and doesn't wait long where another one is slower. */
export function rowsOfUnits(rows: number, threads: number): number {
  if (threads === 1) return Math.min(MOST_ROWS, roundUp(rows, TILE_ROWS));
  let best = 2 * TILE_ROWS;
  let least = Infinity;
  for (let unit = best; unit <= MOST_ROWS; unit += TILE_ROWS) {
    const units = Math.ceil(rows / unit);
    const most = Math.ceil(units / threads);
    const hasLast = units % threads === 1;
    const cost = most * (unit + UNIT_ROWS) - (hasLast ? units * unit - rows : 0) + unit / 8;
    if (cost < least) [best, least] = [unit, cost];
  }
  return best;
}

/** Runs one product on all threads. */
export function multiply(engine: WasmEngine, product: Product): void {
  const {
    rows,
    columns,
    depth,
    a,
    b,
    c,
    bias = 0,
    residual = 0,
    activation = 0,
    preActivation = 0,
    accumulate = false,
    sums = 0,
    keepB,
  } = product;
  const { threads } = engine;
  if (rows <= FEW_ROWS && b.transposed && !a.transposed && !accumulate) {
    const integers = [
      rows,
      columns,
      depth,
      a.address,
      a.stride * 4,
      0,
      b.address,
      b.stride * 4,
      1,
      c.address,
      c.stride * 4,
      0,
      bias,
      residual,
      activation,
      preActivation,
      0,
      STRIP,
    ];
    engine.run('fewRowsProduct', integers, { work: (rows * columns * depth) / 4 });
    return;
  }
  const panels = Math.ceil(columns / PANEL);
  const unitRows = rowsOfUnits(rows, threads);
  const rowUnits = Math.ceil(rows / unitRows);
  const columnUnits =
    threads === 1 || rowUnits >= (a.transposed ? 1 : 2) * threads
      ? 1
      : Math.min(Math.ceil((4 * threads) / rowUnits), Math.ceil(panels / 4));
  const unitColumns = roundUp(columns / columnUnits, PANEL);
  const packGroup = Math.max(1, Math.min(8, Math.ceil(panels / (threads * 2))));
  const [scratch, scratchStride] = engine.threadScratch(EDGE_BYTES + (a.transposed ? unitRows * DEPTH * 4 : 0));
  const bytes = packedBytes(columns, depth);
  const packed = keepB?.(bytes) ?? { address: engine.scratch(bytes), isReady: false };
  engine.run(
    'matrixProduct',
    [
      rows,
      columns,
      depth,
      a.address,
      a.stride * 4,
      a.transposed ? 1 : 0,
      b.address,
      b.stride * 4,
      b.transposed ? 1 : 0,
      c.address,
      c.stride * 4,
      packed.address,
    ].concat([
      bias,
      residual,
      activation,
      preActivation,
      unitRows,
      unitColumns,
      scratch,
      scratchStride,
      accumulate ? 1 : 0,
      sums,
      packGroup,
      packed.isReady ? 1 : 0,
    ]),
    { work: (rows * columns * depth) / 16 },
  );
}

/** Runs products of one shape that differ in their addresses alone, one per unit of work. */
export function multiplyMany(
  engine: WasmEngine,
  product: Omit<Product, 'bias' | 'residual' | 'activation'>,
  addresses: { a: readonly number[]; b: readonly number[]; c: readonly number[] },
): void {
  const { rows, columns, depth, a, b, c } = product;
  const count = addresses.c.length;
  const lists = engine.scratch(count * 12);
  engine.memory.i32.set(addresses.a, lists / 4);
  engine.memory.i32.set(addresses.b, lists / 4 + count);
  engine.memory.i32.set(addresses.c, lists / 4 + 2 * count);
  const packedA = a.transposed ? roundUp(rows, TILE_ROWS) * Math.min(depth, DEPTH) * 4 : 0;
  const [scratch, scratchStride] = engine.threadScratch(EDGE_BYTES + packedBytes(columns, depth) + packedA);
  engine.run(
    'matrixProducts',
    [
      rows,
      columns,
      depth,
      lists,
      a.stride * 4,
      a.transposed ? 1 : 0,
      lists + 4 * count,
      b.stride * 4,
      b.transposed ? 1 : 0,
      lists + 8 * count,
      c.stride * 4,
      count,
      scratch,
      scratchStride,
    ],
    { work: (count * rows * columns * depth) / 16 },
  );
}
