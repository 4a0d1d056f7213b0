import '@tensorflow/tfjs-backend-cpu';
import {
  getBackend,
  getGradient,
  KernelBackend,
  registerBackend,
  removeBackend,
  square,
  tensor1d,
} from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { BackendError, cpu, type EngineFactory, tfjsBackend, useBackend } from '../src/index.ts';

const missing: EngineFactory = { name: 'webgpu', start: () => Promise.reject(new Error('no adapter')) };
const odd: EngineFactory = {
  name: 'odd',
  start: () => {
    throw 'a string';
  },
};

/** A backend that starts, or not. */
class FakeBackend extends KernelBackend {
  override dispose(): void {}
}
const fakes: string[] = [];
function register(name: string, factory: () => KernelBackend | Promise<KernelBackend>): void {
  registerBackend(name, factory);
  fakes.push(name);
}
afterEach(async () => {
  await useBackend(cpu());
  for (const name of fakes.splice(0)) removeBackend(name);
});

test('the first one that starts is used, and says what it is', async () => {
  const choice = await useBackend(cpu());
  expect(choice).toEqual({ name: 'cpu', device: 'JavaScript', threads: 1, features: [], passedOver: [] });
  expect(getBackend()).toBe('cpu');
});

test('engines that do not start are passed over, with their reasons', async () => {
  const { name, passedOver } = await useBackend(missing, tfjsBackend('webgl'), odd, cpu(), missing);
  expect(name).toBe('cpu');
  expect(passedOver).toEqual([
    { name: 'webgpu', reason: 'no adapter' },
    { name: 'webgl', reason: 'no tfjs backend "webgl" is registered; import its package first' },
    { name: 'odd', reason: 'a string' },
  ]);
});

test('when none starts the error names every reason', async () => {
  const error: unknown = await useBackend(missing, tfjsBackend('webgl')).catch((reason: unknown) => reason);
  expect(BackendError.isInstance(error) && error.code).toBe('backend');
  expect(String(error)).toBe(
    'BackendError: useBackend: no engine could be started: webgpu (no adapter), webgl (no tfjs backend "webgl" is registered; import its package first)',
  );
});

describe('tfjsBackend', () => {
  test('takes a backend that is registered', async () => {
    expect(await useBackend(tfjsBackend('cpu'))).toMatchObject({ name: 'cpu', device: 'cpu' });
  });

  test('a backend that fails to start is passed over, and the next one works', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    register('broken', () => {
      throw new Error('out of order');
    });
    register('broken-later', () => Promise.reject(new Error('out of order')));
    const { name, passedOver } = await useBackend(tfjsBackend('broken'), tfjsBackend('broken-later'), cpu());
    warn.mockRestore();
    expect(name).toBe('cpu');
    expect(passedOver.map(({ reason }) => reason)).toEqual([
      'tfjs could not start its backend "broken"',
      'tfjs could not start its backend "broken-later"',
    ]);
    expect([...square(tensor1d([3])).dataSync()]).toEqual([9]);
  });

  test('switching from one engine to another', async () => {
    register('fake', () => new FakeBackend());
    await useBackend(tfjsBackend('fake'));
    expect(getBackend()).toBe('fake');
    await useBackend(cpu());
    expect(getBackend()).toBe('cpu');
  });
});

test('starting registers the gradients, and twice does no harm', async () => {
  await useBackend(cpu());
  const gradient = getGradient('MatMul') ?? getGradient('BatchMatMul');
  expect(gradient).toBeDefined();
  await useBackend(cpu());
  for (const kernel of [
    'Add',
    'BatchMatMul',
    'Softmax',
    'LogSoftmax',
    'GatherV2',
    'Select',
    'Transpose',
    'SplitV',
    'Tanh',
    'Erf',
  ]) {
    expect(getGradient(kernel), kernel).toBeDefined();
  }
});

test('the plain engine writes no greeting', async () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  await useBackend(cpu());
  tensor1d([1]).dispose();
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});
