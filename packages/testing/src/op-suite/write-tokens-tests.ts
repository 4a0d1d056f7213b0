import { writeTokens } from '@formers/backend';
import { concat, fill, type Rank, slice, type Tensor4D, variable, zeros } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectSameBits, readValues } from '../close.ts';
import { randomTensor } from '../random-tensor.ts';

/** Tests of `writeTokens` on the active engine. */
export function writeTokensTests(): void {
  test.each([
    [0, 3],
    [2, 1],
    [5, 2],
    [0, 7],
  ])('writeTokens: from %i on, %i tokens; the rest stays', async (offset, tokens) => {
    const before = randomTensor<Tensor4D>([2, 3, 7, 5], { seed: 1 });
    const buffer = variable<Rank.R4>(before.clone(), false);
    const x = randomTensor<Tensor4D>([2, 3, tokens, 5], { seed: 2 });
    writeTokens(buffer, x, offset);
    const part = (from: number): Tensor4D => slice(before, [0, 0, from, 0], [-1, -1, from === 0 ? offset : -1, -1]);
    const after = offset + tokens < 7 ? [part(offset + tokens)] : [];
    expectSameBits(
      await readValues(buffer),
      await readValues(concat([...(offset > 0 ? [part(0)] : []), x, ...after], 2)),
    );
    expectSameBits(await readValues(before), await readValues(randomTensor<Tensor4D>([2, 3, 7, 5], { seed: 1 }))); // shared its data with the variable
    buffer.dispose();
  });

  test('writeTokens: what does not fit is refused', async () => {
    const buffer = variable<Rank.R4>(zeros([1, 1, 4, 2]), false);
    for (const [shape, offset] of [
      [[1, 1, 3, 2], 2],
      [[2, 1, 1, 2], 0],
      [[1, 1, 1, 3], 0],
    ] as const)
      expect(() => writeTokens(buffer, fill<Rank.R4>([...shape], 1), offset)).toThrow('writeTokens: x must fit');
    expectSameBits(await readValues(buffer), [0, 0, 0, 0, 0, 0, 0, 0]);
    buffer.dispose();
  });
}
