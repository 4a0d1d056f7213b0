import type { TensorInfo } from '@tensorflow/tfjs-core';

import { input, type KernelCall, type KernelTable } from './kernel.ts';

function writeTokens({ backend, inputs, attributes }: KernelCall<{ readonly offset: number }>): TensorInfo[] {
  const [buffer, x] = [input({ inputs }, 'buffer0'), input({ inputs }, 'x0')];
  backend.changed(buffer);
  const [batch = 1, heads = 1, tokens = 1, headDim = 1] = x.shape;
  const capacity = buffer.shape[2] ?? 0;
  const { f32 } = backend.engine.memory;
  const [from, to] = [backend.address(x) / 4, backend.address(buffer) / 4];
  const size = tokens * headDim;
  for (let head = 0; head < batch * heads; head++)
    f32.copyWithin(to + (head * capacity + attributes.offset) * headDim, from + head * size, from + (head + 1) * size);
  return [];
}

/** Kernel of `writeTokens` in @formers/backend. */
export const writeTokensKernels: KernelTable = { FormersWriteTokens: writeTokens };
