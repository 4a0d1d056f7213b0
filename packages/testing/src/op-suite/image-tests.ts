import { valueAndGradients } from '@formers/backend';
import { maxPool, type Tensor, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { readValues } from '../close.ts';

/** Tests of pooling that no differences of values can check. */
export function imageTests(): void {
  test('maxPool: the first of equal numbers gets the gradient, in every channel', async () => {
    const pixels = [1, 2, 2, 0];
    // Channel c is turned by c places, so that each place is first once; 6 channels: a whole vector and a rest.
    const values = pixels.flatMap((_, place) => Array.from({ length: 6 }, (__, c) => pixels[(place + c) % 4] ?? 0));
    const x = tensor4d(values, [1, 2, 2, 6]);
    const outputGradient: Tensor = tensor4d([1, 2, 3, 4, 5, 6], [1, 1, 1, 6]);
    const { gradients } = valueAndGradients(() => maxPool(x, 2, 1, 'valid') as Tensor4D, [x], { outputGradient });
    const expected = new Array<number>(24).fill(0);
    for (let c = 0; c < 6; c++) {
      const places = [0, 1, 2, 3].map((place) => values[place * 6 + c] as number);
      expected[places.indexOf(Math.max(...places)) * 6 + c] = c + 1;
    }
    expect(await readValues(gradients[0] as Tensor)).toEqual(expected);
  });
}
