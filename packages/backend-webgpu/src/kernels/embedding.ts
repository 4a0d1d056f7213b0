import type { TensorInfo } from '@tensorflow/tfjs-core';

import { addRows } from './add-rows.ts';
import {
  elementwise,
  input,
  type KernelCall,
  type KernelTable,
  sizeOf,
  spread,
  vectorOf,
  widthOf,
  WORKGROUP,
} from './kernel.ts';

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
    reads: { weight: { tensor: weight, as: vectorOf(width) }, ids },
    writes: { y: { tensor: y, as: vectorOf(width) } },
    counts: { size, dim: dim / width, vocab },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
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
