import type { FormersWebGPUBackend } from '../../backend.ts';
import { entry, spread } from '../kernel.ts';
import { epilogueKey, finishCode } from './epilogue.ts';
import { bindings, epilogueOf, type Product } from './problem.ts';

/** Up to this many rows, as in decoding one token, a product is as many dot products: each weight is read once, and nothing is shared. */
export const FEW_ROWS = 4;

/** Threads that share the dot products of one column, and columns of a workgroup. */
const LANES = 16;
const COLUMNS = 8;

/** `a [rows, depth] · b [columns, depth]ᵀ` for few rows. */
export function multiplyFewRows(backend: FormersWebGPUBackend, product: Product): void {
  const { rows, columns, depth, a, b, c } = product;
  const epilogue = epilogueOf(product);
  const vector = [depth, a.first ?? 0, b.first ?? 0].every((count) => count % 4 === 0);
  const as = vector ? 'vec4<f32>' : 'f32';
  const { reads, writes } = bindings(product, 'f32');
  const each = (f: (row: number) => string): string => Array.from({ length: rows }, (_, row) => f(row)).join('\n  ');
  backend.run({
    key: `product of ${rows} rows${vector ? ' vector' : ''} ${epilogueKey(epilogue)}`,
    code: () => `
${finishCode(epilogue, 'f32')}
var<workgroup> sums: array<f32, ${rows * LANES * COLUMNS}>;
${entry(LANES * COLUMNS)}
  let column = (group.y * groups.x + group.x) * ${COLUMNS}u + lane / ${LANES}u;
  let width = u.depth${vector ? ' / 4u' : ''};
  ${each((row) => `var sum${row} = ${as}();`)}
  if (column < u.columns) {
    let begin = u.bFirst${vector ? ' / 4u' : ''} + column * width;
    let first = u.aFirst${vector ? ' / 4u' : ''};
    for (var k = lane % ${LANES}u; k < width; k += ${LANES}u) {
      let weight = b[begin + k];
      ${each((row) => `sum${row} = fma(a[first + ${row}u * width + k], weight, sum${row});`)}
    }
  }
  ${each((row) => `sums[${row * LANES * COLUMNS}u + lane] = ${vector ? `dot(sum${row}, vec4f(1.0))` : `sum${row}`};`)}
  for (var step = ${LANES / 2}u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane % ${LANES}u < step) {
      ${each((row) => `sums[${row * LANES * COLUMNS}u + lane] += sums[${row * LANES * COLUMNS}u + lane + step];`)}
    }
  }
  if (lane % ${LANES}u != 0u || column >= u.columns) { return; }
  ${each((row) => `finish(u.cFirst + ${row}u * u.columns + column, column, sums[${row * LANES * COLUMNS}u + lane]);`)}
}`,
    reads: { a: { tensor: a.tensor, as }, b: { tensor: b.tensor, as }, ...reads },
    writes,
    counts: { columns, depth, aFirst: a.first ?? 0, bFirst: b.first ?? 0, cFirst: c.first ?? 0 },
    workgroups: spread(Math.ceil(columns / COLUMNS)),
  });
}
