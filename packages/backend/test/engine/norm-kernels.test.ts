import type { TensorInfo } from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

import { createNormKernels, type NormGradient } from '../../src/engine/index.ts';

const info = (name: string, shape = [2, 4]): TensorInfo => ({ dataId: { name }, shape, dtype: 'float32' });
const nameOf = ({ dataId }: TensorInfo) => (dataId as { name: string }).name;

const backend = {
  output: (shape: readonly number[]) => info('sum', [...shape]),
  alias: (tensor: TensorInfo) => info(`alias of ${nameOf(tensor)}`),
};
const asked: { wanted: readonly string[]; gradient: NormGradient }[] = [];
const kernels = createNormKernels<typeof backend>({
  normalise: (_, { centred, residual, sum }) =>
    info([centred ? 'centred' : 'plain', residual && nameOf(residual), sum && 'and sum'].filter(Boolean).join(' ')),
  gradients: (_, wanted, gradient) => {
    asked.push({ wanted, gradient });
    return Object.fromEntries(wanted.map((name) => [name, info(`d ${name}`)]));
  },
  zeros: (_, shape) => info(`zeros ${shape.join()}`),
});

/** Names of what a kernel gives. */
function run(kernel: string, inputs: readonly string[], wanted: readonly string[] = []): string[] {
  const given = inputs.map((name) => [name, info(name, name === 'weight' ? [4] : [2, 4])] as const);
  const call = { backend, inputs: Object.fromEntries(given), attributes: { wanted, epsilon: 1e-5 } };
  return [kernels[kernel]?.(call as never) ?? []].flat().map(nameOf);
}

const SAVED = ['y0', 'y1', 'weight'];

test('layer norms are centred, root mean squares not; with a residual, the sum is an output, too', () => {
  expect(run('FormersLayerNorm', ['x', 'weight'])).toEqual(['centred']);
  expect(run('FormersRMSNorm', ['x', 'weight'])).toEqual(['plain']);
  expect(run('FormersAddLayerNorm', ['x', 'residual', 'weight'])).toEqual(['sum', 'centred residual and sum']);
  expect(run('FormersAddRMSNorm', ['x', 'residual', 'weight'])).toEqual(['sum', 'plain residual and sum']);
});

test('the gradient of x is that of the residual, made once, with what goes past the norm', () => {
  asked.length = 0;
  const found = run('FormersAddRMSNormGradient', ['dy0', 'dy1', ...SAVED], ['weight', 'residual', 'x']);
  expect(found).toEqual(['d weight', 'd x', 'alias of d x']);
  expect(asked.map(({ wanted }) => wanted)).toEqual([['x', 'weight']]);
  const { centred, x, y, dy, past } = asked[0]!.gradient;
  expect([centred, nameOf(x), nameOf(y), nameOf(dy), past && nameOf(past)]).toEqual([false, 'y0', 'y1', 'dy1', 'dy0']);
});

test('where the norm has no gradient, that of the sum is handed on; parameters get zeros, and nothing else is made', () => {
  asked.length = 0;
  expect(run('FormersAddLayerNormGradient', ['dy0', ...SAVED], ['x', 'bias'])).toEqual(['alias of dy0', 'zeros 4']);
  expect(run('FormersAddLayerNormGradient', ['dy0', ...SAVED], ['weight'])).toEqual(['zeros 4']);
  expect(asked).toEqual([]);
});

test('of a norm alone, x has no gradient from elsewhere', () => {
  asked.length = 0;
  expect(run('FormersLayerNormGradient', ['x', 'y', 'dy', 'weight'], ['x', 'bias'])).toEqual(['d x', 'd bias']);
  expect(asked[0]?.gradient.past).toBeUndefined();
  expect(asked[0]?.gradient.centred).toBe(true);
});
