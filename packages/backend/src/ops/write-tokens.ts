import { concat, slice, type Tensor4D, tidy, type Variable } from '@tensorflow/tfjs-core';

import { hasKernel } from '../define-op.ts';
import { ShapeError } from '../errors.ts';
import { updateInPlace } from './update-in-place.ts';

/**
 * Writes what new tokens bring into a buffer that has room for more, in place: along the third axis, from position `offset` on.
 *
 * Kernel `FormersWriteTokens`: inputs `buffer0` and `x0`, attribute `offset`.
 *
 * @param buffer [batch, heads, capacity, headDim]
 * @param x [batch, heads, tokens, headDim]
 */
export function writeTokens(buffer: Variable, x: Tensor4D, offset: number): void {
  const [batch, heads, tokens, headDim] = x.shape;
  const [, , capacity = 0] = buffer.shape;
  if (buffer.shape.join() !== [batch, heads, capacity, headDim].join() || offset + tokens > capacity) {
    throw new ShapeError(
      `writeTokens: x must fit a buffer of [${buffer.shape.join(', ')}] from ${offset} on, got [${x.shape.join(', ')}]`,
    );
  }
  if (hasKernel('FormersWriteTokens')) {
    updateInPlace('FormersWriteTokens', { slots: [{ buffer, x }], shared: {}, attributes: { offset } });
    return;
  }
  tidy(() => {
    const part = (from: number, length: number): Tensor4D =>
      slice(buffer, [0, 0, from, 0], [batch, heads, length, headDim]) as Tensor4D;
    const after = offset + tokens;
    buffer.assign(concat([part(0, offset), x, part(after, capacity - after)], 2));
  });
}
