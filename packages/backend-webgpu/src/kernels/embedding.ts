import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../backend.ts';
import {
  elementwise,
  input,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  WORKGROUP,
  WORKGROUP_INDEX,
  zeros,
} from './kernel.ts';

/** Rows of a table, elements of which are numbers or vectors of four. */
const widthOf = (dim: number) => (dim % 4 === 0 ? 4 : 1);
const elementOf = (width: number) => (width === 4 ? 'vec4<f32>' : 'f32');

function embedding({ backend, inputs }: KernelCall): TensorInfo {
  const [weight, ids] = [input({ inputs }, 'weight'), input({ inputs }, 'ids')];
  const [vocab = 0, dim = 0] = weight.shape;
  const y = backend.output([...ids.shape, dim]);
  if (sizeOf(y) === 0) return y;
  backend.halveFrozen(weight);
  const width = widthOf(dim);
  const size = sizeOf(y) / width;
  backend.run({
    key: 'embedding',
    code: () => elementwise('y[i] = weight[u32(clamp(i32(ids[i / u.dim]), 0, i32(u.vocab) - 1)) * u.dim + i % u.dim];'),
    reads: { weight: { tensor: weight, as: elementOf(width) }, ids },
    writes: { y: { tensor: y, as: elementOf(width) } },
    counts: { size, dim: dim / width, vocab },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
  return y;
}

/** Rows up to this number are added up one after another, more in blocks. */
const ONE_BLOCK = 512;
const BLOCK = 128;

/**
 * For each row n: in `links[2 n]` the next one with its id in its block, in `links[2 n + 1]` the next one in later blocks, or -2 where n isn't the first of its id in its
 * block; -1 = none. `firsts[id]` is the first of all.
 */
const LINK = `
var<workgroup> some: array<i32, ${WORKGROUP}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = group.x * ${WORKGROUP}u + lane;
  let id = i32(ids[min(n, u.count - 1u)]);
  let start = n / u.block * u.block;
  let end = start + u.block;
  var isFirst = true;
  var isFirstInBlock = true;
  var next = -1;
  var later = -1;
  for (var base = 0u; base < u.count; base += ${WORKGROUP}u) {
    workgroupBarrier();
    some[lane] = i32(ids[min(base + lane, u.count - 1u)]);
    workgroupBarrier();
    for (var k = 0u; k < min(${WORKGROUP}u, u.count - base); k++) {
      if (some[k] != id) { continue; }
      let other = base + k;
      if (other < n) {
        isFirst = false;
        isFirstInBlock = isFirstInBlock && other < start;
      } else if (other > n && other < end && next == -1) { next = i32(other); }
      else if (other >= end && later == -1) { later = i32(other); }
    }
  }
  if (n >= u.count) { return; }
  links[2u * n] = next;
  links[2u * n + 1u] = select(-2, later, isFirstInBlock);
  if (isFirst && id >= 0 && id < i32(u.vocab)) { firsts[id] = i32(n); }
}`;

/** For each row that is the first of its id in its block: the sum of these rows. A workgroup per row. */
const ADD_BLOCKS = `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let n = ${WORKGROUP_INDEX};
  if (n >= u.count || links[2u * min(n, u.count - 1u) + 1u] == -2) { return; }
  for (var column = lane; column < u.dim; column += 64u) {
    var sum = x[n * u.dim + column];
    for (var other = links[2u * n]; other >= 0; other = links[2 * other]) { sum += x[u32(other) * u.dim + column]; }
    sums[n * u.dim + column] = sum;
  }
}`;

/** For each id the sum of its rows, or of its blocks (`u.link` 1). What no row has set in `firsts` holds anything, but no row that has the id. */
const ADD_ROWS = (element: string) => `
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let id = ${WORKGROUP_INDEX};
  if (id >= u.vocab) { return; }
  var first = firsts[id];
  if (first < 0 || first >= i32(u.count)) { first = -1; }
  else if (i32(ids[first]) != i32(id)) { first = -1; }
  for (var column = lane; column < u.dim; column += 64u) {
    var sum = ${element}();
    for (var n = first; n >= 0; n = links[2u * u32(n) + u.link]) { sum += x[u32(n) * u.dim + column]; }
    y[id * u.dim + column] = sum;
  }
}`;

/**
 * Adds up rows [count, dim] that have the same id: [vocab, dim]. Always in the same order, and without waiting long for ids that come often: rows of a block first,
 * then the blocks.
 */
export function addRows(
  backend: FormersWebGPUBackend,
  { x, ids, vocab, dim }: { x: TensorInfo; ids: TensorInfo; vocab: number; dim: number },
): TensorInfo {
  const count = sizeOf(ids);
  if (count === 0 || vocab * dim === 0) return zeros(backend, [vocab, dim]);
  const y = backend.output([vocab, dim]);
  const links = backend.output([count, 2], 'int32');
  const firsts = backend.output([vocab], 'int32');
  const isOneBlock = count <= ONE_BLOCK;
  const width = widthOf(dim);
  const as = elementOf(width);
  backend.run({
    key: 'add rows: link',
    code: () => LINK,
    reads: { ids },
    writes: { links, firsts },
    counts: { count, vocab, block: isOneBlock ? count : BLOCK },
    workgroups: [Math.ceil(count / WORKGROUP)],
  });
  const sums = isOneBlock ? x : backend.output([count, dim]);
  if (!isOneBlock)
    backend.run({
      key: 'add rows: blocks',
      code: () => ADD_BLOCKS,
      reads: { x: { tensor: x, as }, links },
      writes: { sums: { tensor: sums, as } },
      counts: { count, dim: dim / width },
      workgroups: spread(count),
    });
  backend.run({
    key: 'add rows',
    code: () => ADD_ROWS(as),
    reads: { x: { tensor: sums, as }, ids, links, firsts },
    writes: { y: { tensor: y, as } },
    counts: { count, vocab, dim: dim / width, link: isOneBlock ? 0 : 1 },
    workgroups: spread(vocab),
  });
  for (const made of [links, firsts, ...(isOneBlock ? [] : [sums])]) backend.disposeData(made.dataId);
  return y;
}

function embeddingGradient({ backend, inputs, attributes }: KernelCall<{ vocabSize: number }>): TensorInfo[] {
  const [dy, ids] = [input({ inputs }, 'dy'), input({ inputs }, 'ids')];
  return [addRows(backend, { x: dy, ids, vocab: attributes.vocabSize, dim: dy.shape.at(-1) ?? 0 })];
}

function unsortedSegmentSum({
  backend,
  inputs,
  attributes: { numSegments },
}: KernelCall<{ numSegments: number }>): TensorInfo | undefined {
  const [x, segmentIds] = [input({ inputs }, 'x'), input({ inputs }, 'segmentIds')];
  const [count = 0, ...rest] = x.shape;
  if (x.dtype !== 'float32' || sizeOf(segmentIds) !== count) return undefined;
  const sum = addRows(backend, { x, ids: segmentIds, vocab: numSegments, dim: sizeOf({ shape: rest }) });
  return { ...sum, shape: [numSegments, ...rest] };
}

/** Kernels of `embedding` in @formers/backend, and the one of tfjs that the gradients of gathering use. */
export const embeddingKernels: KernelTable = {
  FormersEmbedding: embedding,
  FormersEmbeddingGradient: embeddingGradient,
  UnsortedSegmentSum: unsortedSegmentSum,
};
