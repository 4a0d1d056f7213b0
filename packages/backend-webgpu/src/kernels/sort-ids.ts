import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import { sizeOf } from './kernel.ts';

const THREADS = 256;
/** Bits that a pass sorts by; all digits of all threads have to fit into shared memory. */
const DIGIT = 3;
const DIGITS = 2 ** DIGIT;

/**
 * A stable radix sort by one workgroup: each thread has a strip of neighbours, counts their digits, and moves them to where those of smaller digits, and those of its digit
 * before it, end. As much work as there are ids, times a third of the bits of an id.
 */
const code = `
var<workgroup> places: array<u32, ${DIGITS * THREADS}>;
var<workgroup> totals: array<u32, ${THREADS}>;
fn keyOf(n: u32) -> u32 {
  let id = i32(ids[n]);
  return select(u.vocab, u32(id), id >= 0 && id < i32(u.vocab));
}
@compute @workgroup_size(${THREADS})
fn main(@builtin(local_invocation_index) lane: u32) {
  let strip = (u.count + ${THREADS - 1}u) / ${THREADS}u;
  let begin = min(u.count, lane * strip);
  let end = min(u.count, begin + strip);
  for (var pass_ = 0u; pass_ < u.passes; pass_++) {
    let shift = ${DIGIT}u * pass_;
    // From one half to the other.
    let source = (pass_ % 2u) * u.count;
    let target_ = u.count - source;
    for (var digit = 0u; digit < ${DIGITS}u; digit++) { places[digit * ${THREADS}u + lane] = 0u; }
    for (var n = begin; n < end; n++) {
      var key = 0u;
      if (pass_ == 0u) { key = keyOf(n); } else { key = moving[2u * (source + n)]; }
      places[(key >> shift) % ${DIGITS}u * ${THREADS}u + lane]++;
    }
    workgroupBarrier();
    // Sums of all before, in the order of digits, then threads.
    var total = 0u;
    for (var i = 0u; i < ${DIGITS}u; i++) { total += places[${DIGITS}u * lane + i]; }
    totals[lane] = total;
    for (var step = 1u; step < ${THREADS}u; step *= 2u) {
      workgroupBarrier();
      let earlier = select(0u, totals[max(lane, step) - step], lane >= step);
      workgroupBarrier();
      totals[lane] += earlier;
    }
    var before = totals[lane] - total;
    for (var i = 0u; i < ${DIGITS}u; i++) {
      let own = places[${DIGITS}u * lane + i];
      places[${DIGITS}u * lane + i] = before;
      before += own;
    }
    workgroupBarrier();
    for (var n = begin; n < end; n++) {
      var key = 0u;
      var row = n;
      if (pass_ == 0u) { key = keyOf(n); }
      else {
        key = moving[2u * (source + n)];
        row = moving[2u * (source + n) + 1u];
      }
      let place = (key >> shift) % ${DIGITS}u * ${THREADS}u + lane;
      let to = target_ + places[place];
      moving[2u * to] = key;
      moving[2u * to + 1u] = row;
      places[place]++;
    }
    storageBarrier();
    workgroupBarrier();
  }
  let sorted = (u.passes % 2u) * u.count;
  for (var n = lane; n < u.count; n += ${THREADS}u) {
    let key = moving[2u * (sorted + n)];
    order[2u * n] = i32(key);
    order[2u * n + 1u] = i32(moving[2u * (sorted + n) + 1u]);
    if (key == u.vocab) { continue; }
    if (n == 0u || moving[2u * (sorted + max(n, 1u) - 1u)] != key) { runs[2u * key] = i32(n); }
    if (n + 1u == u.count || moving[2u * (sorted + min(n + 1u, u.count - 1u))] != key) { runs[2u * key + 1u] = i32(n + 1u); }
  }
}`;

/** Ids in order, equal ones in the order that they come in. */
export interface SortedIds {
  /** int32 [count, 2]: an id, and where it comes. Ids out of range are `vocab`, at the end. */
  readonly order: TensorInfo;
  /** int32 [vocab, 2]: where an id begins in the order, and where it ends; anything for ids that don't come. */
  readonly runs: TensorInfo;
}

/** Sorts at least one id, in one dispatch; floating point ids are taken as whole numbers. */
export function sortIds(backend: FormersWebGPUBackend, ids: TensorInfo, { vocab }: { vocab: number }): SortedIds {
  const count = sizeOf(ids);
  const [order, runs] = [backend.output([count, 2], 'int32'), backend.output([vocab, 2], 'int32')];
  const moving = backend.output([2 * count, 2], 'int32');
  backend.run({
    key: 'sort ids',
    code: () => code,
    reads: { ids },
    writes: { order, runs, moving: { tensor: moving, as: 'u32' } },
    counts: { count, vocab, passes: Math.ceil(Math.log2(vocab + 1) / DIGIT) },
    workgroups: [1],
  });
  backend.disposeData(moving.dataId);
  return { order, runs };
}
