import { scalar, square, type Tensor, tensor1d, tidy } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { expectClose, expectNoLeak, expectOwned, useEngineForTests } from '../../testing/src/index.ts';
import { capture, report, valueAndGradients } from '../src/index.ts';

useEngineForTests();

/** A model of two layers, each of which reports. */
function model(x: Tensor): Tensor {
  return tidy(() => {
    report('hiddenStates', () => x);
    const y = square(x);
    report('attentions', () => square(y));
    report('crossAttentions', () => square(square(y)));
    report('hiddenStates', () => y);
    return square(y);
  });
}

test('collects what is reported, in order, and gives it to the caller', () => {
  const x = scalar(2);
  const { value, hiddenStates, attentions, crossAttentions } = capture(() => model(x));
  expectClose(value, 16);
  expect(
    [hiddenStates, attentions, crossAttentions].map((tensors) => tensors.map((tensor) => tensor.dataSync()[0])),
  ).toEqual([[2, 4], [16], [256]]);
  for (const tensor of [value, ...hiddenStates, ...attentions, ...crossAttentions]) tensor.dispose();
  expectClose(x, 2); // the model's input was borrowed
  expectOwned(() => capture(() => model(x)));
});

test('only the kinds asked for; the others are never computed', () => {
  const { value, hiddenStates, attentions } = capture(() => {
    report('attentions', () => {
      throw new Error('must not be computed');
    });
    return model(scalar(2));
  }, ['hiddenStates']);
  expect([hiddenStates.length, attentions.length]).toEqual([2, 0]);
  for (const tensor of [value, ...hiddenStates]) tensor.dispose();
});

test('outside of a scope nothing is computed', async () => {
  const x = scalar(2);
  await expectNoLeak(() => model(x).dispose());
  report('attentions', () => {
    throw new Error('must not be computed');
  });
});

test('scopes nest: the inner one collects', () => {
  const x = scalar(2);
  const outer = capture(() => {
    const inner = capture(() => model(x));
    for (const tensor of [inner.value, ...inner.hiddenStates, ...inner.attentions, ...inner.crossAttentions])
      tensor.dispose();
    expect(inner.hiddenStates).toHaveLength(2);
    return model(x);
  });
  expect(outer.hiddenStates).toHaveLength(2);
  for (const tensor of [outer.value, ...outer.hiddenStates, ...outer.attentions, ...outer.crossAttentions])
    tensor.dispose();
});

test('an error frees what was collected and ends the scope', async () => {
  const x = scalar(2);
  await expectNoLeak(() => {
    expect(() =>
      capture(() => {
        model(x).dispose();
        throw new Error('stop');
      }),
    ).toThrow('stop');
    model(x).dispose();
  });
});

test('during training: the gradient is the same, and what was captured is still there', () => {
  const x = tensor1d([1, 2]);
  const { value, hiddenStates, attentions, crossAttentions } = capture(() => valueAndGradients(() => model(x), [x]));
  expectClose(value.gradients[0]!, [4, 32]); // of x⁴
  expectClose(hiddenStates[1]!, [1, 4]);
  for (const tensor of [value.value, ...value.gradients, ...hiddenStates, ...attentions, ...crossAttentions])
    tensor.dispose();
});
