import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import { entry, spread, vectorOf, widthOf, WORKGROUP, WORKGROUP_INDEX } from './kernel.ts';
import { workgroupSum } from './reduce-code.ts';

/** The rows of a matrix whose label counts, one behind the other. What lies behind the last of them is anything. */
export interface CountedRows {
  /** int32 [1 + rows]: how many they are, and the place of each. */
  readonly counted: TensorInfo;
  /** [rows, dim] */
  readonly x: TensorInfo;
  /** int32 [rows] */
  readonly labels: TensorInfo;
}

/** Rows that a workgroup moves. */
const BLOCK = 16;

/** Each workgroup counts for itself what comes before its rows. */
const code = (element: string, zeroes: boolean): string => `${workgroupSum(WORKGROUP, 'f32')}
var<workgroup> counts: array<u32, ${BLOCK}>;
fn isCounted(row: u32) -> bool { return i32(labels[row]) != i32(u.ignored); }
${entry()}
  let start = ${WORKGROUP_INDEX} * ${BLOCK}u;
  if (start >= u.rows) { return; }
  var earlier = 0u;
  for (var row = lane; row < start; row += ${WORKGROUP}u) { earlier += select(0u, 1u, isCounted(row)); }
  let before = u32(sumOfWorkgroup(lane, f32(earlier)));
  let count = min(${BLOCK}u, u.rows - start);
  if (lane < ${BLOCK}u) { counts[lane] = select(0u, 1u, lane < count && isCounted(start + min(lane, count - 1u))); }
  workgroupBarrier();
  for (var i = lane; i < count * u.dim; i += ${WORKGROUP}u) {
    let own = i / u.dim;
    let column = i - own * u.dim;
    let row = start + own;
    if (counts[own] == 0u) { ${zeroes ? `dx[row * u.dim + column] = ${element}();` : ''} continue; }
    var place = before;
    for (var other = 0u; other < own; other++) { place += counts[other]; }
    moved[place * u.dim + column] = x[row * u.dim + column];
    if (column == 0u) {
      counted[1u + place] = i32(row);
      movedLabels[place] = i32(labels[row]);
    }
  }
  if (lane == 0u && start + count == u.rows) {
    var all = before;
    for (var own = 0u; own < count; own++) { all += counts[own]; }
    counted[0] = i32(all);
  }
}`;

/**
 * Finds the rows that count without asking the device, always in the same order; the rest needs no work then.
 *
 * @param options.dx If given, gets zeros where rows don't count.
 */
export function findCountedRows(
  backend: FormersWebGPUBackend,
  { x, labels, ignoreIndex }: { x: TensorInfo; labels: TensorInfo; ignoreIndex: number },
  { dx }: { dx: TensorInfo | undefined },
): CountedRows {
  const [rows = 0, dim = 0] = x.shape;
  const width = widthOf(dim);
  const as = vectorOf(width);
  const found = {
    counted: backend.output([1 + rows], 'int32'),
    x: backend.output([rows, dim]),
    labels: backend.output([rows], 'int32'),
  };
  backend.run({
    key: `counted rows${dx ? ' zeros' : ''}`,
    code: () => code(as, dx !== undefined),
    reads: { x: { tensor: x, as }, labels },
    writes: {
      counted: found.counted,
      moved: { tensor: found.x, as },
      movedLabels: found.labels,
      ...(dx && { dx: { tensor: dx, as } }),
    },
    counts: { rows, dim: dim / width, ignored: ignoreIndex },
    workgroups: spread(Math.ceil(rows / BLOCK)),
  });
  return found;
}
