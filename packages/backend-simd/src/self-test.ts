import { multiply } from './engine/matrix-product.ts';
import type { TileColumns, WasmEngine } from './engine/wasm-engine.ts';

/** Sizes with whole tiles, edges in every direction, and more than one pass along the depth. */
const SIZES = [
  [8, 32, 16],
  [13, 37, 401],
  [64, 64, 64],
] as const;

/** Runs products with every tile against plain loops; false when a kernel was miscompiled. */
export function passesSelfTest(engine: WasmEngine): boolean {
  const before = engine.tileColumns;
  try {
    return ([8, 16] as const).every((tileColumns) => SIZES.every((size) => productAgrees(engine, tileColumns, size)));
  } finally {
    engine.tileColumns = before;
  }
}

function productAgrees(
  engine: WasmEngine,
  tileColumns: TileColumns,
  [rows, columns, depth]: readonly [number, number, number],
): boolean {
  engine.tileColumns = tileColumns;
  const a = engine.allocate(rows * depth * 4);
  const b = engine.allocate(columns * depth * 4);
  const c = engine.allocate(rows * columns * 4);
  try {
    const { f32 } = engine.memory;
    for (let i = 0; i < rows * depth; i++) f32[a / 4 + i] = Math.sin(i * 1.7);
    for (let i = 0; i < columns * depth; i++) f32[b / 4 + i] = Math.cos(i * 1.3);
    const cases = [false, true].flatMap((aTransposed) =>
      [false, true].map((bTransposed) => ({ aTransposed, bTransposed })),
    );
    return cases.every(({ aTransposed, bTransposed }) => {
      multiply(engine, {
        rows,
        columns,
        depth,
        a: { address: a, stride: aTransposed ? rows : depth, transposed: aTransposed },
        b: { address: b, stride: bTransposed ? depth : columns, transposed: bTransposed },
        c: { address: c, stride: columns },
      });
      const { f32: made } = engine.memory;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          let sum = 0;
          for (let k = 0; k < depth; k++)
            sum +=
              (f32[a / 4 + (aTransposed ? k * rows + i : i * depth + k)] ?? 0) *
              (f32[b / 4 + (bTransposed ? j * depth + k : k * columns + j)] ?? 0);
          if (!(Math.abs(sum - (made[c / 4 + i * columns + j] ?? 0)) < 1e-6 * depth)) return false;
        }
      }
      return true;
    });
  } finally {
    for (const address of [a, b, c]) engine.free(address);
  }
}

/** Times both tiles on one product and sets the quicker one. They give the same bits. */
export function chooseTile(engine: WasmEngine): void {
  const n = 192;
  const addresses = [0, 0, 0].map(() => engine.allocate(n * n * 4)) as [number, number, number];
  const [a, b, c] = addresses.map((address) => ({ address, stride: n })) as [Operand, Operand, Operand];
  for (const { address } of [a, b]) engine.memory.f32.fill(1, address / 4, address / 4 + n * n);
  const best = { 8: Infinity, 16: Infinity };
  for (let round = 0; round < 6; round++) {
    for (const tileColumns of [8, 16] as const) {
      engine.tileColumns = tileColumns;
      const start = performance.now();
      multiply(engine, { rows: n, columns: n, depth: n, a, b, c });
      void engine.memory; // waits for it
      best[tileColumns] = Math.min(best[tileColumns], performance.now() - start);
    }
  }
  for (const address of addresses) engine.free(address);
  engine.tileColumns = best[8] < best[16] ? 8 : 16;
}

interface Operand {
  readonly address: number;
  readonly stride: number;
}
