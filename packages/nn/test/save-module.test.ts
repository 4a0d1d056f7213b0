import { RandomStream } from '@formers/backend';
import { CheckpointError, parseSafetensors } from '@formers/checkpoints';
import { type Tensor2D, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

import { expectError, expectNoLeak, expectSameBits, useEngineForTests, valuesOf } from '../../testing/src/index.ts';
import { LayerNorm, Linear, loadModule, Module, saveModule } from '../src/index.ts';

useEngineForTests();

class Small extends Module<[x: Tensor2D], Tensor2D> {
  layers: Linear<Tensor2D>[];
  norm: LayerNorm<Tensor2D> = new LayerNorm({ dim: 3 });
  constructor(seed: number, outDim = 3) {
    super();
    const random = new RandomStream(seed, 'init');
    this.layers = [
      new Linear({ inDim: 2, outDim, random }),
      new Linear({ inDim: outDim, outDim: 3, bias: false, random }),
    ];
  }
  protected override forward(x: Tensor2D): Tensor2D {
    return this.norm.call(this.layers.reduce((value, layer) => layer.call(value), x));
  }
}

test('what was saved comes back with the same bits, into a module with other first values', async () => {
  const files = new Map<string, Uint8Array>();
  using saved = new Small(1);
  using loaded = new Small(2);
  const x = tensor2d([[1, -2]]);
  await saveModule(saved, files);
  expect(valuesOf(loaded.call(x))).not.toEqual(valuesOf(saved.call(x)));
  await loadModule(loaded, files);
  expectSameBits(loaded.call(x), saved.call(x));
});

test('the file holds the parameters by their paths, as they are', async () => {
  const files = new Map<string, Uint8Array>();
  using model = new Small(1);
  await saveModule(model, files);
  expect([...files.keys()]).toEqual(['model.safetensors']);
  const { tensors } = parseSafetensors(files.get('model.safetensors')!);
  expect(new Map([...tensors].map(([name, { shape }]) => [name, shape]))).toEqual(
    new Map([...model.namedParameters()].map(([name, { shape }]) => [name, shape])),
  );
});

test('a folder on disk', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'formers-save-module-'));
  try {
    using model = new Small(1);
    const before = valuesOf(model.layers[0]!.weight);
    await saveModule(model, path.join(folder, 'mine'));
    expect(await readdir(path.join(folder, 'mine'))).toEqual(['model.safetensors']);
    model.layers[0]!.weight.assign(
      tensor2d([
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
    );
    await loadModule(model, path.join(folder, 'mine'));
    expectSameBits(model.layers[0]!.weight, Float32Array.from(before));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a module of another shape is refused whole, every difference at once', async () => {
  const files = new Map<string, Uint8Array>();
  using wide = new Small(1, 4);
  await saveModule(wide, files);
  using model = new Small(2);
  using extra = Object.assign(new Small(2), { more: new LayerNorm({ dim: 1 }) });
  const before = valuesOf(model.layers[0]!.weight);
  const error = await expectError(() => loadModule(extra, files), { code: 'mismatch', message: 'more.weight' });
  expect(CheckpointError.isInstance(error) && error.mismatch?.missing).toEqual(['more.weight', 'more.bias']);
  expect(CheckpointError.isInstance(error) && error.mismatch?.misshaped.map(({ name }) => name)).toEqual([
    'layers.0.weight',
    'layers.0.bias',
    'layers.1.weight',
  ]);
  await expectError(() => loadModule(model, files), { code: 'mismatch', message: 'wanted [3, 2], got [4, 2]' });
  expect(valuesOf(model.layers[0]!.weight)).toEqual(before);
});

test('NaN is refused whole, or accepted when told', async () => {
  const files = new Map<string, Uint8Array>();
  using broken = new Small(1);
  broken.norm.bias.assign(tensor1d([0, NaN, 0]));
  await saveModule(broken, files);
  using model = new Small(2);
  const before = valuesOf(model.layers[0]!.weight);
  await expectError(() => loadModule(model, files), { code: 'value', message: 'norm.bias: weights must be finite' });
  expect(valuesOf(model.layers[0]!.weight)).toEqual(before);
  await loadModule(model, files, { nonFinite: 'accept' });
  expectSameBits(model.layers[0]!.weight, broken.layers[0]!.weight);
});

test('saving and loading leak nothing', async () => {
  using model = new Small(1);
  await expectNoLeak(async () => {
    const files = new Map<string, Uint8Array>();
    await saveModule(model, files);
    await loadModule(model, files);
  });
});
