import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { bindRows, type Problem } from './problem.ts';
import {
  accumulate,
  AXES,
  each,
  forSums,
  overThreads,
  rowProducts,
  slicesOf,
  store,
  sums,
  TILE,
  tileKernel,
  writeSums,
} from './tiles.ts';

/** Chunks of 32 numbers of a row of the result that a workgroup computes: 64 numbers in each thread. */
const MOST_CHUNKS = 4;

/** The range of keys that a tile of queries can see, in whole tiles, as `for` with `firstKey`. */
export const FOR_KEYS: string = `
  let offset = i32(u.queryOffset);
  let endKey = select(i32(u.keys), min(i32(u.keys), i32(firstQuery) + ${TILE} + offset), u.causal == 1u);
  let startKey = select(0, max(0, i32(firstQuery) + offset - i32(u.window) + 1), u.window > 0u);
  for (var firstKey = u32(startKey) & ~${TILE - 1}u; i32(firstKey) < endKey; firstKey += ${TILE}u)`;

/** The workgroup's tile of queries, its head, its batch and its slice of columns; the last queries of a causal attention, which see most, come first. */
export const PLACE: string = `
  let firstQuery = (groups.x - 1u - group.x) * ${TILE}u;
  let head = group.y;
  let batch = group.z / u.slices;
  let slice = group.z % u.slices;
  place(batch, head);`;

/**
 * Attention by tiles of 32 queries and 32 keys (Dao et al. 2022, algorithm 1; Milakov and Gimelshein 2018 for the softmax in one pass). Beside y it writes `lse`, the
 * logarithm of each query's sum of exponentials: all that the gradient needs to find the weights again. In two numbers, the largest score and the rest, as a
 * score of -1e30 would swallow the rest.
 */
export function runForward(
  backend: FormersWebGPUBackend,
  { key, functions, reads, counts, numbers, layout, isVector }: Problem,
  { y, lse }: { y: TensorInfo; lse: TensorInfo },
): void {
  const { batch, heads, queries, valueDim } = layout;
  const { slices, chunks } = slicesOf(valueDim, MOST_CHUNKS);
  backend.run({
    key: `attention ${key} ${chunks}`,
    code: () => tileKernel(functions, forwardBody(chunks, isVector)),
    reads,
    writes: { y: bindRows(y, isVector), lse: { tensor: lse, as: 'vec2<f32>' } },
    counts: { ...counts, slices },
    numbers,
    workgroups: [Math.ceil(queries / TILE), heads, batch * slices],
  });
}

const largestOf = (x: string) => `max(max(${x}.x, ${x}.y), max(${x}.z, ${x}.w))`;

function forwardBody(chunks: number, isVector: boolean): string {
  return `${PLACE}
  let firstPart = slice * ${8 * chunks}u;
  var highest = vec4f(-3e38); // of each row
  var total = vec4f(); // of this thread's columns
  ${sums('o', chunks)}
  ${FOR_KEYS} {
    ${rowProducts('s', { left: 'q', right: 'k', dim: 'headDim' })}
    let key = firstKey + column;
    ${each(
      (e) => `
    let query${e} = firstQuery + row + ${e}u;
    let seen${e} = sees(query${e}, key);
    s${e} = select(vec4f(-3e38), scoreOf(capped(s${e})) + biasAt(query${e}, key), seen${e});`,
    )}
    ${overThreads('newest', `vec4f(${[0, 1, 2, 3].map((e) => largestOf(`s${e}`)).join(', ')})`, (x, y) => `max(${x}, ${y})`)}
    newest = max(highest, newest);
    let shrink = exp(highest - newest);
    highest = newest;
    total *= shrink;
    ${each(
      (e) => `
    let w${e} = select(vec4f(), exp(s${e} - highest.${AXES[e]}), seen${e});
    total.${AXES[e]} += dot(w${e}, vec4f(1.0));
    let d${e} = w${e} * keptAt(query${e}, key);`,
    )}
    ${store('d')}
    ${forSums(chunks, (c, e) => `o${c}_${e} *= shrink.${AXES[e]};`)}
    ${accumulate('o', { operand: 'v', firstRow: 'firstKey', chunks })}
  }
  ${overThreads('whole', 'total', (x, y) => `${x} + ${y}`)}
  let isSeen = whole > vec4f();
  let share = select(vec4f(), 1.0 / select(vec4f(1.0), whole, isSeen), isSeen);
  ${writeSums('o', {
    ...{ chunks, isVector, buffer: 'y', start: 'yStart', stride: 'yRow', firstRow: 'firstQuery', rows: 'queries' },
    dim: 'valueDim',
    factor: (e) => `share.${AXES[e]}`,
  })}
  if (slice == 0u && columnGroup == 0u) {
    let tops = select(vec4f(), highest, isSeen);
    let logarithms = select(vec4f(), log(select(vec4f(1.0), whole, isSeen)), isSeen);
    ${each((e) => `if (firstQuery + row + ${e}u < u.queries) { lse[rowsStart + firstQuery + row + ${e}u] = vec2f(tops.${AXES[e]}, logarithms.${AXES[e]}); }`)}
  }`;
}
