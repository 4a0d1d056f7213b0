import { entry } from '../kernel.ts';
import { type Tile, threadsOf } from './tiles.ts';

/** An operand as a shader reads it. */
export interface OperandLayout {
  readonly transposed: boolean;
  /** Whether it is read four numbers at a time: its rows are multiples of four long. */
  readonly vector: boolean;
}

/** What decides the code of a product. */
export interface ProductCode {
  readonly tile: Tile;
  readonly a: OperandLayout;
  readonly b: OperandLayout;
  /** Whether also the sums over the rows of `a` are made: bias gradients. */
  readonly sums: boolean;
  /** Functions `put`, which gets four neighbours of the output, and `putSum`; see `epilogue.ts`. */
  readonly epilogue: string;
  /** Of what `presentCount`, part of the epilogue, says how much there is. */
  readonly extent: 'rows' | 'depth' | undefined;
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Four neighbours of a stored matrix, zeros beyond its edges. */
function loader(name: 'a' | 'b', { vector, isCounted }: OperandLayout & { isCounted: boolean }): string {
  const [height, width] = [isCounted ? 'present' : `u.${name}Height`, `u.${name}Width`];
  const body = vector
    ? `if (row >= ${height} || column >= ${width}) { return vec4f(); }
  return ${name}[(base + row * ${width} + column) / 4u];`
    : `var found = vec4f();
  if (row >= ${height}) { return found; }
  let at = base + row * ${width} + column;
  ${range(4)
    .map((i) => `if (column + ${i}u < ${width}) { found[${i}] = ${name}[at + ${i}u]; }`)
    .join('\n  ')}
  return found;`;
  return `
fn ${name}Load(row: u32, column: u32, base: u32) -> vec4f {
  ${body}
}`;
}

/** Fills the tile of an operand, in which the output's axis is the fast one; what is stored the other way is turned in blocks of 4 x 4. */
function fill(
  name: 'a' | 'b',
  { size, depth, threads, isDepthFast }: { size: number; depth: number; threads: number; isDepthFast: boolean },
): string {
  const pitch = size / 4 + 1; // one more, so that turned blocks meet fewer bank conflicts
  if (!isDepthFast)
    return `
    for (var unit = lane; unit < ${(depth * size) / 4}u; unit += ${threads}u) {
      let k = unit / ${size / 4}u;
      let q = unit % ${size / 4}u;
      ${name}Tile[k * ${pitch}u + q] = ${name}Load(start + k, ${name}Start + 4u * q, ${name}Base);
    }`;
  return `
    for (var unit = lane; unit < ${(depth * size) / 16}u; unit += ${threads}u) {
      let k = 4u * (unit % ${depth / 4}u);
      let q = unit / ${depth / 4}u;
      let row = ${name}Start + 4u * q;
      let block = transpose(mat4x4f(
        ${range(4)
          .map((i) => `${name}Load(row + ${i}u, start + k, ${name}Base)`)
          .join(',\n        ')}));
      ${range(4)
        .map((i) => `${name}Tile[(k + ${i}u) * ${pitch}u + q] = block[${i}];`)
        .join('\n      ')}
    }`;
}

/**
 * A tiled product with register tiles: both operands pass through shared memory, and each thread keeps a small block of the output in registers. Every
 * element is summed in the order of the inner axis, whichever the tile.
 */
export function productCode({ tile, a, b, sums, epilogue, extent }: ProductCode): string {
  const threads = threadsOf(tile);
  const [across, down] = [tile.columns / tile.threadColumns, tile.rows / tile.threadRows];
  const [aVectors, bVectors] = [range(tile.threadRows / 4), range(tile.threadColumns / 4)];
  const [aPitch, bPitch] = [tile.rows / 4 + 1, tile.columns / 4 + 1];
  const each = <T>(f: (i: number, r: number, j: number) => T): T[] =>
    aVectors.flatMap((i) => range(4).flatMap((r) => bVectors.map((j) => f(i, r, j))));
  return `
${extent ? 'var<private> present: u32; // rows, or depth, that there are' : ''}
${loader('a', { ...a, isCounted: extent === (a.transposed ? 'depth' : 'rows') })}
${loader('b', { ...b, isCounted: extent === 'depth' && !b.transposed })}
${epilogue}
var<workgroup> aTile: array<vec4f, ${tile.depth * aPitch}>;
var<workgroup> bTile: array<vec4f, ${tile.depth * bPitch}>;

${entry(threads)}
  // Tiles in bands of 8 rows, so that neighbours share what the cache holds.
  let index = group.y * groups.x + group.x;
  ${extent ? 'present = presentCount();' : ''}
  let tileRows = ${extent === 'rows' ? `(presentCount() + ${tile.rows - 1}u) / ${tile.rows}u` : 'u.tileRows'};
  let tiles = tileRows * u.tileColumns;
  if (index >= tiles * u.splits * u.batch) { return; }
  let tileIndex = index % tiles;
  let split = (index / tiles) % u.splits;
  let batch = index / (tiles * u.splits);
  let band = tileIndex / (8u * u.tileColumns);
  let bandRows = min(8u, tileRows - 8u * band);
  let inBand = tileIndex % (8u * u.tileColumns);
  let tileColumn = inBand / bandRows;
  let aStart = (8u * band + inBand % bandRows) * ${tile.rows}u;
  let bStart = tileColumn * ${tile.columns}u;

  let i3 = batch % u.batch3;
  let i2 = (batch / u.batch3) % u.batch2;
  let i1 = (batch / (u.batch3 * u.batch2)) % u.batch1;
  let i0 = batch / (u.batch3 * u.batch2 * u.batch1);
  let aBase = u.aFirst + i0 * u.a0 + i1 * u.a1 + i2 * u.a2 + i3 * u.a3;
  let bBase = u.bFirst + i0 * u.b0 + i1 * u.b1 + i2 * u.b2 + i3 * u.b3;
  let end = min(${extent === 'depth' ? 'presentCount()' : 'u.depth'}, (split + 1u) * u.partDepth);

  let x = lane % ${across}u;
  let y = lane / ${across}u;
  ${each((i, r, j) => `var c${i}_${r}_${j} = vec4f();`).join('\n  ')}
  ${sums ? 'var rowSum = 0.0;' : ''}
  for (var start = split * u.partDepth; start < end; start += ${tile.depth}u) {
    ${fill('a', { size: tile.rows, depth: tile.depth, threads, isDepthFast: !a.transposed })}
    ${fill('b', { size: tile.columns, depth: tile.depth, threads, isDepthFast: b.transposed })}
    workgroupBarrier();
    for (var k = 0u; k < ${tile.depth}u; k++) {
      ${aVectors.map((i) => `let a${i} = aTile[k * ${aPitch}u + y + ${i * down}u];`).join('\n      ')}
      ${bVectors.map((j) => `let b${j} = bTile[k * ${bPitch}u + x + ${j * across}u];`).join('\n      ')}
      ${each((i, r, j) => `c${i}_${r}_${j} = fma(vec4f(a${i}[${r}]), b${j}, c${i}_${r}_${j});`).join('\n      ')}
    }
    ${
      sums
        ? `if (tileColumn == 0u && lane < ${tile.rows}u) {
      for (var k = 0u; k < ${tile.depth}u; k++) { rowSum += aTile[k * ${aPitch}u + lane / 4u][lane % 4u]; }
    }`
        : ''
    }
    workgroupBarrier();
  }
  let part = batch * u.splits + split;
  // A loop, as the code that finishes a number may be long.
  var results = array<vec4f, ${each(() => 0).length}>(${each((i, r, j) => `c${i}_${r}_${j}`).join(', ')});
  for (var n = 0u; n < ${each(() => 0).length}u; n++) {
    let row = aStart + 4u * (y + n / ${4 * bVectors.length}u * ${down}u) + n / ${bVectors.length}u % 4u;
    put(part, row, bStart + 4u * (x + n % ${bVectors.length}u * ${across}u), results[n]);
  }
  ${sums ? `if (tileColumn == 0u && lane < ${tile.rows}u && aStart + lane < u.rows) { putSum(part, aStart + lane, rowSum); }` : ''}
}`;
}
