import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import { entry, sizeOf, spread, vectorOf, widthOf, WORKGROUP, WORKGROUP_INDEX, zeros } from './kernel.ts';
import { sortIds } from './sort-ids.ts';

/** Rows up to this number are added up by one thread for each column, more in strands that are added up together. */
const FEW = 8;
const STRANDS = 4;
const COLUMNS = WORKGROUP / STRANDS;
/** Rows of a block, and rows an id has on average from which on blocks are added up first: ids of few kinds would keep few workgroups busy. */
const BLOCK = 64;

/** `sharedSum(lane, first, count, column)`: the sum of rows that the threads of a workgroup share, for the first strand. `row(first, n)` is the number of the n-th of them. */
const sharedSum = (element: string): string => `
var<workgroup> shares: array<${element}, ${WORKGROUP}>;
fn sharedSum(lane: u32, first: u32, count: u32, column: u32) -> ${element} {
  let strand = lane / ${COLUMNS}u;
  var sum = ${element}();
  for (var n = strand; n < count && column < u.dim; n += ${STRANDS}u) { sum += x[row(first, n) * u.dim + column]; }
  workgroupBarrier();
  shares[lane] = sum;
  workgroupBarrier();
  for (var other = 1u; other < ${STRANDS}u && strand == 0u; other++) { sum += shares[lane + other * ${COLUMNS}u]; }
  return sum;
}`;

const BY_ORDER = 'fn row(first: u32, n: u32) -> u32 { return u32(order[2u * (first + n) + 1u]); }';
/** Blocks end at multiples of their size. */
const BY_BLOCK = `fn row(first: u32, n: u32) -> u32 { return max(first, (first / ${BLOCK}u + n) * ${BLOCK}u); }`;

/** For each id that begins or goes on in a block of the order: the sum of its rows there, where the first of them stands. */
const blocksCode = (element: string): string => `
${BY_ORDER}
${sharedSum(element)}
${entry()}
  let index = ${WORKGROUP_INDEX};
  let column = index % u.columnGroups * ${COLUMNS}u + lane % ${COLUMNS}u;
  var at = index / u.columnGroups * ${BLOCK}u;
  let last = min(at + ${BLOCK}u, u.count);
  while (at < last) {
    var end = at + 1u;
    while (end < last && order[2u * end] == order[2u * at]) { end++; }
    let sum = sharedSum(lane, at, end - at, column);
    if (lane < ${COLUMNS}u && column < u.dim) { sums[at * u.dim + column] = sum; }
    at = end;
  }
}`;

/** The sum of each id's rows, or blocks. Where no row has an id, its place among the runs holds anything, which is seen from the order. */
const rowsCode = (element: string, isBlocked: boolean): string => `
${isBlocked ? BY_BLOCK : BY_ORDER}
${sharedSum(element)}
${entry()}
  let id = ${WORKGROUP_INDEX} / u.columnGroups;
  if (id >= u.vocab) { return; }
  let start = ${WORKGROUP_INDEX} % u.columnGroups * ${WORKGROUP}u;
  let first = u32(clamp(runs[2u * id], 0, i32(u.count) - 1));
  let end = u32(clamp(runs[2u * id + 1u], i32(first) + 1, i32(u.count)));
  let isThere = order[2u * first] == i32(id);
  let count = select(0u, ${isBlocked ? `(end - 1u) / ${BLOCK}u - first / ${BLOCK}u + 1u` : 'end - first'}, isThere);
  if (count <= ${FEW}u) {
    let column = start + lane;
    var sum = ${element}();
    for (var n = 0u; n < count && column < u.dim; n++) { sum += x[row(first, n) * u.dim + column]; }
    if (column < u.dim) { y[id * u.dim + column] = sum; }
    return;
  }
  for (var columns = start; columns < min(start + ${WORKGROUP}u, u.dim); columns += ${COLUMNS}u) {
    let column = columns + lane % ${COLUMNS}u;
    let sum = sharedSum(lane, first, count, column);
    if (lane < ${COLUMNS}u && column < u.dim) { y[id * u.dim + column] = sum; }
  }
}`;

/** Adds up rows [count, dim] that have the same id: [vocab, dim]. Always in the same order, which only their number decides. Ids out of range are left out. */
export function addRows(
  backend: FormersWebGPUBackend,
  { x, ids, vocab, dim }: { x: TensorInfo; ids: TensorInfo; vocab: number; dim: number },
): TensorInfo {
  const count = sizeOf(ids);
  if (count === 0 || vocab * dim === 0) return zeros(backend, [vocab, dim]);
  const width = widthOf(dim);
  const as = vectorOf(width);
  const columns = dim / width;
  const { order, runs } = sortIds(backend, ids, { vocab });
  const isBlocked = count > BLOCK * vocab;
  const sums = isBlocked ? backend.output([count, dim]) : x;
  if (isBlocked) {
    const columnGroups = Math.ceil(columns / COLUMNS);
    backend.run({
      key: 'add rows: blocks',
      code: () => blocksCode(as),
      reads: { x: { tensor: x, as }, order },
      writes: { sums: { tensor: sums, as } },
      counts: { count, dim: columns, columnGroups },
      workgroups: spread(Math.ceil(count / BLOCK) * columnGroups),
    });
  }
  const y = backend.output([vocab, dim]);
  const columnGroups = Math.ceil(columns / WORKGROUP);
  backend.run({
    key: `add rows${isBlocked ? ': blocks together' : ''}`,
    code: () => rowsCode(as, isBlocked),
    reads: { x: { tensor: sums, as }, order, runs },
    writes: { y: { tensor: y, as } },
    counts: { count, vocab, dim: columns, columnGroups },
    workgroups: spread(vocab * columnGroups),
  });
  for (const { dataId } of [order, runs, ...(isBlocked ? [sums] : [])]) backend.disposeData(dataId);
  return y;
}
