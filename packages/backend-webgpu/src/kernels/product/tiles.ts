/** How a matrix product is cut: each workgroup makes `rows x columns` of it, `depth` of the inner axis at a time, each thread `threadRows x threadColumns`. */
export interface Tile {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly threadRows: number;
  readonly threadColumns: number;
}

function tile(
  [rows, columns, depth]: readonly [number, number, number],
  [threadRows, threadColumns]: readonly [number, number],
): Tile {
  const name = `${rows}x${columns}x${depth}`;
  return { name, rows, columns, depth, threadRows, threadColumns };
}

/** From small to large; all fit the 16 KB of shared memory and the 256 threads that every device has. */
export const TILES: readonly Tile[] = [
  tile([32, 32, 16], [4, 4]),
  tile([64, 64, 16], [4, 4]),
  tile([128, 64, 16], [8, 4]),
  tile([128, 128, 8], [8, 8]),
];

/** Threads of a workgroup. */
export function threadsOf({ rows, columns, threadRows, threadColumns }: Tile): number {
  return (rows / threadRows) * (columns / threadColumns);
}

/** Size of a product, for all matrices of a batch together. */
export interface ProductSize {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly batch: number;
}

/** Workgroups of a product. */
export function groupsOf(tile: Tile, { rows, columns, batch }: Omit<ProductSize, 'depth'>): number {
  return Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns) * batch;
}

/** Outputs of this many workgroups at least keep a GPU busy. */
const BUSY = 96;

/** Which tile a product gets: the largest of those allowed of which there are enough, and that little hangs over the edge of. */
export function chooseTile(allowed: readonly Tile[], size: ProductSize, splits: number): Tile {
  const waste = (tile: Tile) => groupsOf(tile, size) * tile.rows * tile.columns;
  const [smallest] = allowed;
  const fits = allowed.filter(
    (tile) => groupsOf(tile, size) * splits >= BUSY && waste(tile) <= 1.25 * waste(smallest as Tile),
  );
  return (fits.at(-1) ?? smallest) as Tile;
}

/** Depth that one workgroup sums at least, in a product that is split; a multiple of every tile's. */
const LEAST_DEPTH = 256;

/**
 * In how many parts, of which depth, the inner axis is summed by workgroups of their own (split-K): only where the output alone would not keep a GPU busy.
 * Depends on the size alone, never on the tile or the device: it decides the order of summation.
 */
export function splitDepth({ rows, columns, depth, batch }: ProductSize): { splits: number; partDepth: number } {
  const groups = Math.ceil(rows / 64) * Math.ceil(columns / 64) * batch;
  const wanted = Math.min(Math.floor(depth / LEAST_DEPTH), Math.ceil(BUSY / groups), 32);
  if (groups * 2 > BUSY || wanted < 2) return { splits: 1, partDepth: depth };
  const partDepth = Math.ceil(depth / wanted / 32) * 32;
  return { splits: Math.ceil(depth / partDepth), partDepth };
}
