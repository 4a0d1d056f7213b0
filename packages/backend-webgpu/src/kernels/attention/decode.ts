import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { bindRows, type Problem } from './problem.ts';

/** The most queries for which keys are shared out among workgroups rather than queries. */
export const MOST_DECODED = 4;

/** Threads of a workgroup, and keys of its part. */
const KEYS = 128;
/** Threads that share the product of a key with the query: they read 128 bytes in a row. */
const LANES = 8;
/** Distance of their results, so that 32 threads write to 32 banks. */
const PITCH = KEYS + 4;

/** Writes four numbers of a row of y. */
function writeRow(value: string, isVector: boolean): string {
  if (isVector) return `y[((yStart + query * u.yRow) >> 2u) + part] = ${value};`;
  return `let at = yStart + query * u.yRow + 4u * part;
    let value = ${value};
    ${['x', 'y', 'z', 'w'].map((axis, i) => `if (4u * part + ${i}u < u.valueDim) { y[at + ${i}u] = value.${axis}; }`).join(' ')}`;
}

const tree = (combine: (left: string, right: string) => string) => `
  workgroupBarrier();
  for (var half = ${KEYS / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) { weights[lane] = ${combine('weights[lane]', 'weights[lane + half]')}; }
    workgroupBarrier();
  }`;

const perKey = (text: (n: number) => string) => Array.from({ length: LANES }, (_, n) => text(n)).join('\n');

function decodeCode({ functions, isVector }: Problem, isOnly: boolean): string {
  const write = isOnly
    ? writeRow('sum * share', isVector)
    : 'parts[(place_ * u.splits + group.x) * ((u.valueDim + 3u) / 4u) + part] = sum;';
  return `${functions}
var<workgroup> products: array<f32, ${LANES * PITCH}>;
var<workgroup> weights: array<f32, ${KEYS}>;
var<workgroup> partial: array<vec4f, ${KEYS}>;
@compute @workgroup_size(${KEYS})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let query = group.y % u.queries;
  place(group.z, group.y / u.queries);
  let place_ = rowsStart + query;
  let firstKey = group.x * ${KEYS}u;
  let member = lane % ${LANES}u;
  let local = lane / ${LANES}u;
  ${perKey((n) => `var product${n} = 0.0;`)}
  for (var part = member; 4u * part < u.headDim; part += ${LANES}u) {
    let x = qAt(query, part);
    ${perKey((n) => `product${n} += dot(x, kAt(firstKey + local + ${n * (KEYS / LANES)}u, part));`)}
  }
  ${perKey((n) => `products[member * ${PITCH}u + local + ${n * (KEYS / LANES)}u] = product${n};`)}
  workgroupBarrier();
  var product = 0.0;
  for (var n = 0u; n < ${LANES}u; n++) { product += products[n * ${PITCH}u + lane]; }
  let key = firstKey + lane;
  let seen = sees(query, key).x;
  let score = select(-3e38, scoreOf(capped(vec4f(product))).x + biasAt(query, key).x, seen);
  weights[lane] = score;
  ${tree((x, y) => `max(${x}, ${y})`)}
  let highest = weights[0];
  workgroupBarrier();
  let weight = select(0.0, exp(score - highest), seen);
  weights[lane] = weight;
  ${tree((x, y) => `${x} + ${y}`)}
  let total = weights[0];
  workgroupBarrier();
  weights[lane] = weight * keptAt(query, key).x;
  workgroupBarrier();
  ${
    isOnly
      ? `let share = select(0.0, 1.0 / select(1.0, total, total > 0.0), total > 0.0);
  if (lane == 0u) { lse[place_] = select(vec2f(), vec2f(highest, log(select(1.0, total, total > 0.0))), total > 0.0); }`
      : 'if (lane == 0u) { tops[place_ * u.splits + group.x] = vec2f(highest, total); }'
  }
  let sets = ${KEYS}u / u.columns;
  let first = lane / u.columns;
  let keys = min(${KEYS}u, u.keys - firstKey);
  for (var base = 0u; 4u * base < u.valueDim; base += u.columns) {
    let part = base + lane % u.columns;
    var sum = vec4f();
    for (var n = first; n < keys; n += sets) { sum += weights[n] * vAt(firstKey + n, part); }
    partial[lane] = sum;
    workgroupBarrier();
    if (first == 0u && 4u * part < u.valueDim) {
      for (var n = 1u; n < sets; n++) { sum += partial[lane + n * u.columns]; }
      ${write}
    }
    workgroupBarrier();
  }
}`;
}

const COMBINE = (isVector: boolean) => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let query = group.y % u.queries;
  let head = group.y / u.queries;
  let yStart = group.z * u.yBatch + head * u.yHead;
  let place = (group.z * u.heads + head) * u.queries + query;
  var highest = -3e38;
  for (var n = 0u; n < u.splits; n++) { highest = max(highest, tops[place * u.splits + n].x); }
  var total = 0.0;
  for (var n = 0u; n < u.splits; n++) {
    let top = tops[place * u.splits + n];
    total += top.y * exp(top.x - highest);
  }
  let isSeen = total > 0.0;
  let share = select(0.0, 1.0 / select(1.0, total, isSeen), isSeen);
  if (lane == 0u) { lse[place] = select(vec2f(), vec2f(highest, log(select(1.0, total, isSeen))), isSeen); }
  let width = (u.valueDim + 3u) / 4u;
  for (var part = lane; part < width; part += 64u) {
    var sum = vec4f();
    for (var n = 0u; n < u.splits; n++) {
      sum += parts[(place * u.splits + n) * width + part] * exp(tops[place * u.splits + n].x - highest);
    }
    ${writeRow('sum * share', isVector)}
  }
}`;

/** Attention of a few queries, as in generation: each workgroup takes 128 keys, and a second dispatch puts their results together (Dao et al. 2023, "Flash-Decoding"). */
export function runDecode(
  backend: FormersWebGPUBackend,
  problem: Problem,
  { y, lse }: { y: TensorInfo; lse: TensorInfo },
): void {
  const { key, reads, counts, numbers, layout, isVector } = problem;
  const { batch, heads, queries, keys, valueDim } = layout;
  const splits = Math.ceil(keys / KEYS);
  const width = Math.ceil(valueDim / 4);
  const columns = Math.min(KEYS, 2 ** Math.ceil(Math.log2(width)));
  const rows = [batch, heads, queries];
  const result = bindRows(y, isVector);
  const logarithms = { tensor: lse, as: 'vec2<f32>' } as const;
  const parts = backend.output([...rows, splits, 4 * width]);
  const tops = backend.output([...rows, splits, 2]);
  const between = {
    parts: { tensor: parts, as: 'vec4<f32>' },
    tops: { tensor: tops, as: 'vec2<f32>' },
  } as const;
  const isOnly = splits === 1;
  backend.run({
    key: `attention decode ${key} ${isOnly}`,
    code: () => decodeCode(problem, isOnly),
    reads,
    writes: isOnly ? { y: result, lse: logarithms } : between,
    counts: { ...counts, splits, columns },
    numbers,
    workgroups: [splits, heads * queries, batch],
  });
  if (!isOnly) {
    const { yBatch = 0, yHead = 0, yRow = 0 } = counts;
    backend.run({
      key: `attention combine ${isVector}`,
      code: () => COMBINE(isVector),
      reads: between,
      writes: { y: result, lse: logarithms },
      counts: { splits, heads, queries, valueDim, yBatch, yHead, yRow },
      workgroups: [1, heads * queries, batch],
    });
  }
  for (const { dataId } of [parts, tops]) backend.disposeData(dataId);
}
