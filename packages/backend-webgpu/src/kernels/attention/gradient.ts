import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { entry, spread, WORKGROUP_INDEX } from '../kernel.ts';
import { FOR_KEYS, PLACE } from './forward.ts';
import { bindRows, type Problem, rowReader } from './problem.ts';
import {
  accumulate,
  AXES,
  each,
  overThreads,
  rowProducts,
  slicesOf,
  store,
  storeTransposed,
  sums,
  TILE,
  tileKernel,
  writeSums,
} from './tiles.ts';

/** What all kernels of the gradient read beside the problem. */
export interface Backward {
  readonly dy: TensorInfo;
  /** [batch, heads, queries, 4]: the logarithm of the sum of exponentials in two numbers, and `dy · y`. */
  readonly rows: TensorInfo;
}

/** Lanes that share a row in {@link runRowSums}. */
const LANES_PER_ROW = 16;

/** For each query what the gradient needs of it as a whole: its `lse`, and `dy · y`, which is the sum of its weights times their gradients (Dao et al. 2022, equation 4). */
export function runRowSums(
  backend: FormersWebGPUBackend,
  { layout, isVector, counts }: Problem,
  { y, dy, lse, rows }: { y: TensorInfo; dy: TensorInfo; lse: TensorInfo; rows: TensorInfo },
): void {
  const { batch, heads, queries } = layout;
  const { valueDim = 0, yBatch = 0, yHead = 0, yRow = 0 } = counts;
  const perGroup = 128 / LANES_PER_ROW;
  const size = batch * heads * queries;
  backend.run({
    key: `attention row sums ${isVector}`,
    code: () => `
var<private> yStart: u32;
${rowReader('y', { rows: 'queries', dim: 'valueDim', isVector })}
${rowReader('dy', { rows: 'queries', dim: 'valueDim', isVector, strides: 'y' })}
var<workgroup> sums: array<f32, 128>;
${entry(128)}
  let i = ${WORKGROUP_INDEX} * ${perGroup}u + lane / ${LANES_PER_ROW}u;
  let query = i % u.queries;
  yStart = (i / u.queries / u.heads) * u.yBatch + (i / u.queries % u.heads) * u.yHead;
  var sum = 0.0;
  if (i < u.size) {
    for (var part = lane % ${LANES_PER_ROW}u; 4u * part < u.valueDim; part += ${LANES_PER_ROW}u) {
      sum += dot(yAt(query, part), dyAt(query, part));
    }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane % ${LANES_PER_ROW}u == 0u && i < u.size) {
    for (var n = 1u; n < ${LANES_PER_ROW}u; n++) { sum += sums[lane + n]; }
    rows[i] = vec4f(lse[i], sum, 0.0);
  }
}`,
    reads: { y: bindRows(y, isVector), dy: bindRows(dy, isVector), lse: { tensor: lse, as: 'vec2<f32>' } },
    writes: { rows: { tensor: rows, as: 'vec4<f32>' } },
    counts: { size, heads, queries, valueDim, yBatch, yHead, yRow },
    workgroups: spread(Math.ceil(size / perGroup)),
  });
}

/** `dyAt`, which the tiles read beside the problem's own operands. */
export function gradientFunctions({ functions, isVector }: Problem): string {
  return `${functions}\n${rowReader('dy', { rows: 'queries', dim: 'valueDim', isVector, strides: 'y' })}`;
}

/** Declares `wholei`, what is known of the rows of a thread. */
export const WHOLES: string = each(
  (e) => `let whole${e} = rows[rowsStart + min(firstQuery + row + ${e}u, u.queries - 1u)];`,
);

/** The same found by the tile itself, and left in `rows` for the gradients of k and v. */
const FOUND_WHOLES = `
  var own = vec4f();
  for (var part = columnGroup; 4u * part < u.valueDim; part += 8u) {
    ${each((e) => `own.${AXES[e]} += dot(yAt(firstQuery + row + ${e}u, part), dyAt(firstQuery + row + ${e}u, part));`)}
  }
  ${overThreads('products', 'own', (x, y) => `${x} + ${y}`)}
  ${each((e) => `let whole${e} = vec4f(lse[rowsStart + min(firstQuery + row + ${e}u, u.queries - 1u)], products.${AXES[e]}, 0.0);`)}
  if (slice == 0u && columnGroup == 0u) {
    ${each((e) => `if (firstQuery + row + ${e}u < u.queries) { rows[rowsStart + firstQuery + row + ${e}u] = whole${e}; }`)}
  }`;

/** Declares `wi`, the weights of a thread's tile, from the scores `si` and `wholei`, and `kepti`, what dropout keeps. */
export const WEIGHTS: string = each(
  (e) => `
    let query${e} = firstQuery + row + ${e}u;
    let value${e} = capped(s${e});
    let w${e} = select(vec4f(), exp((scoreOf(value${e}) + biasAt(query${e}, key) - whole${e}.x) - whole${e}.y), sees(query${e}, key));
    let kept${e} = keptAt(query${e}, key);`,
);

/** Turns `ti`, the products of rows of dy and v, into gradients of the scores. */
export const SCORE_GRADIENTS: string = each((e) => `t${e} = w${e} * (t${e} * kept${e} - whole${e}.z);`);

const TIMES_SLOPE = each((e) => `t${e} *= slopeOf(value${e});`);

/** The gradient of q: for each tile of queries over the tiles of keys that it sees. With y and its `lse` it finds `rows`, too, as {@link runRowSums} does. */
export function runQueryGradient(
  backend: FormersWebGPUBackend,
  problem: Problem,
  { dy, rows, dq, found }: Backward & { dq: TensorInfo; found?: { y: TensorInfo; lse: TensorInfo } | undefined },
): void {
  const { key, reads, counts, numbers, layout, isVector } = problem;
  const { slices, chunks } = slicesOf(layout.headDim, 4);
  const perRow = { tensor: rows, as: 'vec4<f32>' } as const;
  backend.run({
    key: `attention dq ${key} ${chunks}`,
    code: () =>
      tileKernel(
        `${gradientFunctions(problem)}
${found ? rowReader('y', { rows: 'queries', dim: 'valueDim', isVector }) : ''}`,
        `${PLACE}
  let firstPart = slice * ${8 * chunks}u;
  ${found ? FOUND_WHOLES : WHOLES}
  ${sums('o', chunks)}
  ${FOR_KEYS} {
    ${rowProducts('s', { left: 'q', right: 'k', dim: 'headDim' })}
    let key = firstKey + column;
    ${WEIGHTS}
    ${rowProducts('t', { left: 'dy', right: 'v', dim: 'valueDim' })}
    ${SCORE_GRADIENTS}
    ${TIMES_SLOPE}
    ${store('t')}
    ${accumulate('o', { operand: 'k', firstRow: 'firstKey', chunks })}
  }
  ${writeSums('o', {
    ...{ chunks, isVector, buffer: 'dq', start: 'qStart', stride: 'qRow', firstRow: 'firstQuery', rows: 'queries' },
    dim: 'headDim',
  })}`,
      ),
    reads: {
      ...reads,
      dy: bindRows(dy, isVector),
      ...(found
        ? { y: bindRows(found.y, isVector), lse: { tensor: found.lse, as: 'vec2<f32>' as const } }
        : { rows: perRow }),
    },
    writes: { dq: bindRows(dq, isVector), ...(found && { rows: perRow }) },
    counts: { ...counts, slices },
    numbers,
    workgroups: [Math.ceil(layout.queries / TILE), layout.heads, layout.batch * slices],
  });
}

/** The gradients of k and v, which may lie in one tensor: for each tile of keys over the queries, of all heads that share the keys, that see it. */
export function runKeyGradients(
  backend: FormersWebGPUBackend,
  problem: Problem,
  { dy, rows, dk, dv }: Backward & { dk?: TensorInfo | undefined; dv?: TensorInfo | undefined },
): void {
  const { key, reads, counts, numbers, layout, isVector } = problem;
  const { headDim, valueDim, keys, kvHeads, batch } = layout;
  const { slices, chunks } = slicesOf(Math.max(dk ? headDim : 0, dv ? valueDim : 0), 3);
  const isOne = dk !== undefined && dk === dv;
  const made = [...(dk ? ['k' as const] : []), ...(dv ? ['v' as const] : [])];
  const buffer = { k: 'dk', v: isOne ? 'dk' : 'dv' };
  backend.run({
    key: `attention d${made.join('d')} ${key} ${chunks} ${isOne}`,
    code: () =>
      tileKernel(
        gradientFunctions(problem),
        `
  let firstKey = group.x * ${TILE}u;
  let batch = group.z / u.slices;
  let firstPart = (group.z % u.slices) * ${8 * chunks}u;
  let key = firstKey + column;
  let offset = i32(u.queryOffset);
  let startQuery = select(0, max(0, i32(firstKey) - offset), u.causal == 1u);
  let endQuery = select(i32(u.queries), min(i32(u.queries), i32(firstKey + ${TILE - 1}u + u.window) - offset), u.window > 0u);
  ${made.map((name) => sums(name, chunks)).join('\n')}
  for (var head = group.y * u.group; head < (group.y + 1u) * u.group; head++) {
    place(batch, head);
    for (var firstQuery = u32(startQuery) & ~${TILE - 1}u; i32(firstQuery) < endQuery; firstQuery += ${TILE}u) {
      ${WHOLES}
      ${rowProducts('s', { left: 'q', right: 'k', dim: 'headDim' })}
      ${WEIGHTS}
      ${
        dv
          ? `${each((e) => `let d${e} = w${e} * kept${e};`)}
      ${storeTransposed('d')}
      ${accumulate('v', { operand: 'dy', firstRow: 'firstQuery', chunks })}`
          : ''
      }
      ${
        dk
          ? `${rowProducts('t', { left: 'dy', right: 'v', dim: 'valueDim' })}
      ${SCORE_GRADIENTS}
      ${TIMES_SLOPE}
      ${storeTransposed('t')}
      ${accumulate('k', { operand: 'q', firstRow: 'firstQuery', chunks })}`
          : '_ = &v;'
      }
    }
  }
  place(batch, group.y * u.group);
  ${made
    .map((name) =>
      writeSums(name, {
        ...{ chunks, isVector, buffer: buffer[name], start: `${name}Start`, stride: `${name}Row` },
        ...{ firstRow: 'firstKey', rows: 'keys', dim: name === 'k' ? 'headDim' : 'valueDim' },
      }),
    )
    .join('\n')}`,
      ),
    reads: { ...reads, dy: bindRows(dy, isVector), rows: { tensor: rows, as: 'vec4<f32>' } },
    writes: { ...(dk && { dk: bindRows(dk, isVector) }), ...(dv && !isOne && { dv: bindRows(dv, isVector) }) },
    counts: { ...counts, slices },
    numbers,
    workgroups: [Math.ceil(keys / TILE), kvHeads, batch * slices],
  });
}
