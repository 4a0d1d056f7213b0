import {
  addLayerNorm,
  attend,
  attendMerged,
  crossEntropy,
  embedding,
  gated,
  gelu,
  gru,
  layerNorm,
  linear,
  linearCrossEntropy,
  lstm,
  rotary,
  valueAndGradients,
} from '@formers/backend';
import {
  add,
  concat,
  greater,
  matMul,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  zeros,
} from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, readValues } from '../close.ts';
import { randomTensor } from '../random-tensor.ts';

/** Gradients of `f`, which must have the shapes of the inputs and be zero. */
async function expectZeroGradients(f: () => Tensor, xs: Tensor[]): Promise<void> {
  const { gradients } = valueAndGradients(f, xs);
  for (const [i, gradient] of gradients.entries()) {
    expect(gradient.shape).toEqual(xs[i]?.shape);
    expect((await readValues(gradient)).every((value) => value === 0)).toBe(true);
  }
}

/** Axes of size 0: no kernel may read or write beyond what is there. */
export function emptyTests(): void {
  const weight = () => randomTensor<Tensor2D>([5, 3]);

  test('empty: linear without rows', async () => {
    const x = zeros([0, 3]);
    const w = weight();
    expect(linear(x, w).shape).toEqual([0, 5]);
    await expectZeroGradients(() => linear(x, w, { activation: 'gelu', bias: zeros([5]) as Tensor1D }), [x, w]);
  });
  test('empty: matMul without depth gives zeros', async () => {
    expect(await readValues(matMul(zeros([2, 0]) as Tensor2D, zeros([0, 3]) as Tensor2D))).toEqual([0, 0, 0, 0, 0, 0]);
  });
  test('empty: elementwise, norm, embedding, concat', async () => {
    expect(add(zeros([0, 4]), zeros([4])).shape).toEqual([0, 4]);
    expect(gelu(zeros([0])).shape).toEqual([0]);
    expect(layerNorm(zeros([0, 4]), { weight: zeros([4]) as Tensor1D }).shape).toEqual([0, 4]);
    expect(embedding(weight(), zeros([0], 'int32')).shape).toEqual([0, 3]);
    expect(await readValues(concat([zeros([0, 2]), randomTensor([1, 2])], 0))).toHaveLength(2);
    const gain = zeros([4]) as Tensor1D;
    await expectZeroGradients(() => layerNorm(zeros([0, 4]), { weight: gain }), [gain]);
  });
  test('empty: losses without rows are 0', async () => {
    const w = weight();
    expectClose(await readValues(crossEntropy(zeros([0, 5]), zeros([0], 'int32'))), [0]);
    await expectZeroGradients(() => linearCrossEntropy(zeros([0, 3]), w, { labels: zeros([0], 'int32') }), [w]);
  });
  test('empty: recurrent layers without steps or rows, rotary, gates, comparisons', async () => {
    const recurrent = randomTensor<Tensor2D>([12, 3]);
    const { states, lastCell } = lstm(zeros([2, 0, 12]), { weight: recurrent });
    expect([states.shape, lastCell.shape]).toEqual([[2, 0, 3], [2, 3]]); // prettier-ignore
    expect((await readValues(lastCell)).every((value) => value === 0)).toBe(true);
    expect(gru(zeros([0, 4, 9]), { weight: randomTensor<Tensor2D>([9, 3]) }).shape).toEqual([0, 4, 3]);
    await expectZeroGradients(() => lstm(zeros([2, 0, 12]), { weight: recurrent }).states, [recurrent]);
    expect(rotary(zeros([0, 2, 3, 4]), { cos: zeros([1, 3, 2]), sin: zeros([1, 3, 2]) }).shape).toEqual([0, 2, 3, 4]);
    expect(gated(zeros([0, 3]), { up: zeros([0, 3]), activation: 'silu' }).shape).toEqual([0, 3]);
    expect(greater(zeros([0, 3]), zeros([3])).shape).toEqual([0, 3]);
    const gain = zeros([4]) as Tensor1D;
    await expectZeroGradients(
      () => addLayerNorm(zeros([0, 4]), { residual: zeros([0, 4]), weight: gain }).norm,
      [gain],
    );
  });
  test('empty: attention without keys gives zeros', async () => {
    const q = randomTensor<Tensor4D>([1, 2, 3, 4]);
    const [k, v] = [zeros([1, 2, 0, 4]) as Tensor4D, zeros([1, 2, 0, 4]) as Tensor4D];
    expect((await readValues(attend(q, k, v))).every((value) => value === 0)).toBe(true);
    const merged = [randomTensor([1, 3, 8]), zeros([1, 0, 8]), zeros([1, 0, 8])] as [Tensor3D, Tensor3D, Tensor3D];
    const attended = () => attendMerged(...merged, { numHeads: 2 });
    expect((await readValues(attended())).every((value) => value === 0)).toBe(true);
    await expectZeroGradients(attended, merged);
  });
}
