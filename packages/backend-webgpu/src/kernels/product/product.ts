import type { FormersWebGPUBackend } from '../../backend.ts';
import { sizeOf, spread, WORKGROUP } from '../kernel.ts';
import { type OperandLayout, productCode } from './code.ts';
import {
  combineCode,
  directEpilogue,
  type EpilogueCode,
  epilogueKey,
  extentCode,
  extentKey,
  partEpilogue,
} from './epilogue.ts';
import { FEW_ROWS, multiplyFewRows } from './few-rows.ts';
import { bindings, epilogueOf, type Operand, type Product } from './problem.ts';
import { chooseTile, groupsOf, type ProductSize, splitDepth } from './tiles.ts';

/** Records a product: one dispatch, or two where its depth is split. Nothing may be empty. */
export function multiply(backend: FormersWebGPUBackend, product: Product): void {
  const { rows, columns, depth, a, b, batch = [1, 1, 1, 1], sums, extent, tile: given } = product;
  const isOne = sizeOf({ shape: batch }) === 1;
  if (rows <= FEW_ROWS && !a.transposed && b.transposed && isOne && !sums && !extent && !given)
    return multiplyFewRows(backend, product);
  const size: ProductSize = { rows, columns, depth, batch: sizeOf({ shape: batch }) };
  const { splits, partDepth } = splitDepth(size);
  const tile = given ?? chooseTile(backend.tiles, size, splits);
  const [aLayout, bLayout] = [layoutOf(a, rows, depth), layoutOf(b, depth, columns)];
  const epilogue: EpilogueCode = epilogueOf(product);
  const isSplit = splits > 1;
  const partSize = rows * columns + (sums ? rows : 0);
  const vector = columns % 4 === 0 && (isSplit ? partSize % 4 === 0 : (product.c.first ?? 0) % 4 === 0);
  const parts = isSplit ? backend.output([size.batch * splits * partSize]) : undefined;
  const flags = [aLayout, bLayout].map(({ transposed, vector: four }) => `${transposed ? 'T' : 'N'}${four ? '4' : ''}`);
  const kind = parts ? `part${extentKey(epilogue)}` : epilogueKey(epilogue);
  const before = extent && { before: extent.before };
  const finishing = bindings(product, vector ? 'vec4<f32>' : 'f32');
  backend.run({
    key: `product ${tile.name} ${flags.join('')} ${kind}${vector ? ' vector' : ''}${sums ? ' sums' : ''}`,
    code: () =>
      productCode({
        tile,
        a: aLayout,
        b: bLayout,
        sums: sums !== undefined,
        epilogue: `${extentCode(epilogue)}
${(parts ? partEpilogue : directEpilogue)(epilogue, { vector, sums: sums !== undefined })}`,
        extent: epilogue.extent,
      }),
    reads: {
      a: { tensor: a.tensor, as: aLayout.vector ? 'vec4<f32>' : 'f32' },
      b: { tensor: b.tensor, as: bLayout.vector ? 'vec4<f32>' : 'f32' },
      ...(parts ? extent && { counted: extent.counted } : finishing.reads),
    },
    writes: parts ? { parts: { tensor: parts, as: vector ? 'vec4<f32>' : 'f32' } } : finishing.writes,
    counts: {
      ...{ rows, columns, depth, partDepth, splits, partSize, batch: size.batch },
      tileRows: Math.ceil(rows / tile.rows),
      tileColumns: Math.ceil(columns / tile.columns),
      ...{ aHeight: a.transposed ? depth : rows, aWidth: a.transposed ? rows : depth },
      ...{ bHeight: b.transposed ? columns : depth, bWidth: b.transposed ? depth : columns },
      ...{ aFirst: a.first ?? 0, bFirst: b.first ?? 0, cFirst: product.c.first ?? 0 },
      ...{ batch1: batch[1], batch2: batch[2], batch3: batch[3] },
      ...strideCounts('a', a),
      ...strideCounts('b', b),
      ...before,
    },
    workgroups: spread(groupsOf(tile, size) * splits),
  });
  if (!parts) return;
  const all = size.batch * rows * columns + (sums ? rows : 0);
  const { reads, writes } = bindings(product, 'f32');
  backend.run({
    key: `product, parts ${epilogueKey(epilogue)}${sums ? ' sums' : ''}`,
    code: () => combineCode(epilogue, sums !== undefined),
    reads: { parts, ...reads },
    writes,
    counts: { rows, columns, depth, splits, partSize, size: all, cFirst: product.c.first ?? 0, ...before },
    workgroups: spread(Math.ceil(all / WORKGROUP)),
  });
  backend.disposeData(parts.dataId);
}

function layoutOf(
  { transposed = false, first = 0, strides = [0, 0, 0, 0] }: Operand,
  height: number,
  width: number,
): OperandLayout {
  const rowLength = transposed ? height : width;
  return { transposed, vector: [rowLength, first, ...strides].every((count) => count % 4 === 0) };
}

function strideCounts(name: string, { strides = [0, 0, 0, 0] }: Operand): Record<string, number> {
  return Object.fromEntries(strides.map((stride, i) => [`${name}${i}`, stride]));
}
