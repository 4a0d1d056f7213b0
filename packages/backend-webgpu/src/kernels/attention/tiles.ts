import { entry } from '../kernel.ts';

/** Edge of a tile: 32 queries by 32 keys, and 32 numbers of each of their rows at a time. */
export const TILE = 32;
/** Threads of a workgroup; each holds 4 x 4 numbers of a tile: rows `row` to `row + 3`, columns `column` to `column + 3`. */
const THREADS = 64;

/** For each of the four rows or columns of a thread. */
export function each(text: (e: number) => string): string {
  return [0, 1, 2, 3].map(text).join('\n');
}

/**
 * An entry point for tiles. Three tiles of 4 KB each are shared: `a` and `b` for operands, `p` for what is multiplied next. Rows of eight vectors are
 * stored with the vectors' places exchanged by the number of their group of rows, so that threads read from different banks.
 */
export function tileKernel(functions: string, body: string): string {
  return `${functions}
var<workgroup> a: array<vec4f, 256>;
var<workgroup> b: array<vec4f, 256>;
var<workgroup> p: array<vec4f, 256>;
${entry(THREADS)}
  let rowGroup = lane >> 3u;
  let columnGroup = lane & 7u;
  let row = 4u * rowGroup;
  let column = 4u * columnGroup;
  ${body}
}`;
}

/** Fills a shared tile with rows of an operand: vectors `part` to `part + 7` of 32 rows. */
function fill(tile: 'a' | 'b', operand: string, firstRow: string, part: string): string {
  return `for (var n = lane; n < 256u; n += ${THREADS}u) {
    ${tile}[(n & ~7u) + ((n ^ (n >> 5u)) & 7u)] = ${operand}At(${firstRow} + (n >> 3u), ${part} + (n & 7u));
  }`;
}

/** Declares `NAME0` to `NAME3`: rows of a tile of the products of rows of `left`, from query `firstQuery` on, with rows of `right`, from key `firstKey` on. */
export function rowProducts(name: string, { left, right, dim }: { left: string; right: string; dim: string }): string {
  return `
${each((e) => `var ${name}${e} = vec4f();`)}
for (var part = 0u; 4u * part < u.${dim}; part += 8u) {
  workgroupBarrier();
  ${fill('a', left, 'firstQuery', 'part')}
  ${fill('b', right, 'firstKey', 'part')}
  workgroupBarrier();
  let parts = min(8u, (u.${dim} + 3u) / 4u - part);
  for (var n = 0u; n < parts; n++) {
    ${each((e) => `let x${e} = a[(row + ${e}u) * 8u + (n ^ rowGroup)];`)}
    ${each((e) => `let y${e} = b[(column + ${e}u) * 8u + (n ^ columnGroup)];`)}
    ${each((e) => `${name}${e} += vec4f(dot(x${e}, y0), dot(x${e}, y1), dot(x${e}, y2), dot(x${e}, y3));`)}
  }
}`;
}

/** Stores `NAME0` to `NAME3` in the shared tile `p`. */
export function store(name: string): string {
  return each((e) => `p[(row + ${e}u) * 8u + (columnGroup ^ rowGroup)] = ${name}${e};`);
}

/** Declares a vector over the four rows of a thread: `combine` of what the eight threads of the rows have. */
export function overThreads(name: string, value: string, combine: (left: string, right: string) => string): string {
  return `
  workgroupBarrier();
  a[lane] = ${value};
  workgroupBarrier();
  var ${name} = a[row * 2u];
  for (var n = 1u; n < 8u; n++) { ${name} = ${combine(name, 'a[row * 2u + n]')}; }`;
}

/** The four numbers of a vector. */
export const AXES = ['x', 'y', 'z', 'w'] as const;

/** Stores them transposed: rows of `p` are keys. */
export function storeTransposed(name: string): string {
  return each(
    (e) =>
      `p[(column + ${e}u) * 8u + (rowGroup ^ columnGroup)] = vec4f(${[0, 1, 2, 3].map((f) => `${name}${f}.${AXES[e]}`).join(', ')});`,
  );
}

/** Adds to `NAMEc_0` to `NAMEc_3` the products of the shared tile `p` with 32 rows of an operand, of which they are columns from `firstPart + 8 c` on. */
export function accumulate(
  name: string,
  { operand, firstRow, chunks }: { operand: string; firstRow: string; chunks: number },
): string {
  return Array.from(
    { length: chunks },
    (_, c) => `
workgroupBarrier();
${fill('b', operand, firstRow, `(firstPart + ${8 * c}u)`)}
workgroupBarrier();
for (var n = 0u; n < 8u; n++) {
  ${each((e) => `let x${e} = p[(row + ${e}u) * 8u + (n ^ rowGroup)];`)}
  ${each((e) => `let y${e} = b[(4u * n + ${e}u) * 8u + (columnGroup ^ n)];`)}
  ${each((e) => `${name}${c}_${e} += x${e}.x * y0 + x${e}.y * y1 + x${e}.z * y2 + x${e}.w * y3;`)}
}`,
  ).join('\n');
}

/** Declares the sums of {@link accumulate}. */
export function sums(name: string, chunks: number): string {
  return forSums(chunks, (c, e) => `var ${name}${c}_${e} = vec4f();`);
}

/** Text for each sum of a thread. */
export function forSums(chunks: number, text: (c: number, e: number) => string): string {
  return Array.from({ length: chunks }, (_, c) => each((e) => text(c, e))).join('\n');
}

/** Writes the sums, scaled by `factor(e)`, to rows of a head that starts at `start`. */
export function writeSums(
  name: string,
  {
    chunks,
    buffer,
    start,
    stride,
    firstRow,
    rows,
    dim,
    isVector,
    factor = () => '1.0',
  }: {
    chunks: number;
    buffer: string;
    start: string;
    stride: string;
    firstRow: string;
    rows: string;
    dim: string;
    isVector: boolean;
    factor?: (e: number) => string;
  },
): string {
  return forSums(chunks, (c, e) => {
    const at = `${start} + (${firstRow} + row + ${e}u) * u.${stride}`;
    const value = `${name}${c}_${e} * ${factor(e)}`;
    const write = isVector
      ? `${buffer}[((${at}) >> 2u) + part] = ${value};`
      : `let at = ${at} + 4u * part;
    let left = u.${dim} - 4u * part;
    let value = ${value};
    ${AXES.map((axis, i) => `if (left > ${i}u) { ${buffer}[at + ${i}u] = value.${axis}; }`).join(' ')}`;
    return `{
    let part = firstPart + ${8 * c}u + columnGroup;
    if (${firstRow} + row + ${e}u < u.${rows} && 4u * part < u.${dim}) {
    ${write}
    }
  }`;
  });
}

/** How rows of so many numbers are shared out: slices of at most `most` chunks of 32, of about the same size. */
export function slicesOf(dim: number, most: number): { slices: number; chunks: number } {
  const all = Math.max(1, Math.ceil(dim / TILE));
  const slices = Math.ceil(all / most);
  return { slices, chunks: Math.ceil(all / slices) };
}
