import type { TensorInfo } from '@tensorflow/tfjs-core';

import { elementwise, input, type KernelCall, type KernelTable, sizeOf, spread, WORKGROUP } from './kernel.ts';

function writeTokens({ backend, inputs, attributes }: KernelCall<{ readonly offset: number }>): TensorInfo[] {
  const [buffer, x] = [input({ inputs }, 'buffer0'), input({ inputs }, 'x0')];
  const [, , tokens = 0, headDim = 0] = x.shape;
  if (sizeOf(x) === 0) return [];
  const width = headDim % 4 === 0 ? 4 : 1;
  const as = width === 4 ? 'vec4<f32>' : 'f32';
  const perHead = (tokens * headDim) / width;
  backend.run({
    key: 'write tokens',
    code: () => elementwise('buffer[(i / u.perHead) * u.headStride + u.start + i % u.perHead] = x[i];'),
    reads: { x: { tensor: x, as } },
    writes: { buffer: { tensor: buffer, as } },
    counts: {
      size: sizeOf(x) / width,
      perHead,
      headStride: ((buffer.shape[2] ?? 0) * headDim) / width,
      start: (attributes.offset * headDim) / width,
    },
    workgroups: spread(Math.ceil(sizeOf(x) / width / WORKGROUP)),
  });
  return [];
}

/** Kernel of `writeTokens` in @formers/backend. */
export const writeTokensKernels: KernelTable = { FormersWriteTokens: writeTokens };
