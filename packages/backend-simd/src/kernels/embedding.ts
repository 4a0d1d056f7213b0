import type { TensorInfo } from '@tensorflow/tfjs-core';

import { input, type KernelCall, type KernelTable, sizeOf, withInt32 } from './kernel.ts';

function embedding({ backend, inputs }: KernelCall): TensorInfo {
  const weight = input({ inputs }, 'weight');
  const ids = input({ inputs }, 'ids');
  const [vocab = 0, dim = 0] = weight.shape;
  const y = backend.output([...ids.shape, dim]);
  const count = sizeOf(ids);
  withInt32(backend, ids, (address) =>
    backend.engine.run('gatherRows', [count, dim, address, backend.address(weight), backend.address(y), vocab], {
      work: count * dim,
    }),
  );
  return y;
}

function embeddingGradient({
  backend,
  inputs,
  attributes: { vocabSize },
}: KernelCall<{ vocabSize: number }>): TensorInfo[] {
  const dy = input({ inputs }, 'dy');
  const ids = input({ inputs }, 'ids');
  const dim = dy.shape.at(-1) ?? 0;
  const gradient = backend.output([vocabSize, dim]);
  const count = sizeOf(ids);
  withInt32(backend, ids, (address) =>
    backend.engine.run(
      'scatterAddRows',
      [count, dim, address, backend.address(dy), backend.address(gradient), vocabSize],
      { work: (count + vocabSize) * dim },
    ),
  );
  return [gradient];
}

/** Kernels of `embedding` in @formers/backend. */
export const embeddingKernels: KernelTable = {
  FormersEmbedding: embedding,
  FormersEmbeddingGradient: embeddingGradient,
};
