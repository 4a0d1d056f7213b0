/**
 * Prints the register tiles of the matrix product as AssemblyScript. They are written out because a tile lives in named local variables; in this
 * form V8 compiles them to AVX2 (see README: adjacent pairs of loads and stores, no `select`).
 */

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const lines = (n: number, line: (i: number) => string) => range(n).map(line).join('\n');

interface Tile {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Steps along the depth per loop iteration. */
  readonly unroll: number;
  /** Whether A was packed (one pointer, rows side by side) or is read in place (one pointer per row). */
  readonly packed: boolean;
}

/** Floats between two rows of a packed panel of B. */
const PANEL = 16;

function tile({ name, rows, columns, unroll, packed }: Tile): string {
  const vectors = columns / 4;
  const cell = (f: (i: number, v: number) => string) => lines(rows, (i) => lines(vectors, (v) => f(i, v)));
  const advanceA = (steps: number) =>
    packed ? `    a += ${steps * rows * 4};` : lines(rows, (i) => `    a${i} += ${steps * 4};`);
  const step = (u: number) =>
    [
      lines(vectors, (v) => `    const b${u}_${v} = v128.load(b, ${u * PANEL * 4 + v * 16});`),
      lines(rows, (i) => {
        const source = packed ? `a, ${(u * rows + i) * 4}` : `a${i}, ${u * 4}`;
        return `    const x${u}_${i} = v128.load32_splat(${source});\n${lines(vectors, (v) => `    c${i}_${v} = madd(x${u}_${i}, b${u}_${v}, c${i}_${v});`)}`;
      }),
    ].join('\n');
  // Without a counter: one register and two instructions fewer.
  const loop =
    unroll === 1
      ? `  const end: usize = b + ((<usize>depth * ${PANEL}) << 2);\n  while (b != end) {`
      : `  let k: i32 = 0;\n  for (; k <= depth - ${unroll}; k += ${unroll}) {`;
  const tail =
    unroll === 1
      ? ''
      : `  for (; k < depth; k++) {
${step(0)}
${advanceA(1)}
    b += ${PANEL * 4};
  }`;
  return `
/** C [${rows}, ${columns}] = A [${rows}, depth] · B, or C += where \`accumulate\`. */
export function ${name}(depth: i32, a: usize, ${packed ? '_aStride' : 'aStride'}: usize, b: usize, c: usize, cStride: usize, accumulate: bool): void {
${lines(rows, (i) => `  const p${i}: usize = c + ${i} * cStride;`)}
${packed ? '' : lines(rows, (i) => `  let a${i}: usize = a + ${i} * aStride;`)}
${cell((i, v) => `  let c${i}_${v}: v128 = f32x4.splat(0);`)}
${loop}
${lines(unroll, step)}
${advanceA(unroll)}
    b += ${unroll * PANEL * 4};
  }
${tail}
  if (accumulate) {
${cell((i, v) => `    c${i}_${v} = f32x4.add(v128.load(p${i}, ${v * 16}), c${i}_${v});`)}
  }
${cell((i, v) => `  v128.store(p${i}, c${i}_${v}, ${v * 16});`)}
}`;
}

/** The module with all tiles. */
export function tilesSource(): string {
  const tiles: Tile[] = [
    { name: 'tile6x16', rows: 6, columns: 16, unroll: 1, packed: false },
    { name: 'tile6x16Packed', rows: 6, columns: 16, unroll: 1, packed: true },
    { name: 'tile6x8', rows: 6, columns: 8, unroll: 1, packed: false },
    { name: 'tile6x8Packed', rows: 6, columns: 8, unroll: 1, packed: true },
    { name: 'tile4x16', rows: 4, columns: 16, unroll: 2, packed: false },
    { name: 'tile2x16', rows: 2, columns: 16, unroll: 2, packed: false },
    { name: 'tile1x16', rows: 1, columns: 16, unroll: 4, packed: false },
  ];
  return `// Written by scripts/build-kernels.ts.\nimport { madd } from '../../assembly/vector';\n${tiles.map(tile).join('\n')}\n`;
}
