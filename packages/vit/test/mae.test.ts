import { ConfigError } from '@formers/backend';
import { sinusoidalGrid } from '@formers/positional';
import { mul, type Tensor2D, tensor2d, tensor3d, type Tensor4D, tensor4d } from '@tensorflow/tfjs-core';
import { describe, expect, test } from 'vitest';

import {
  expectClose,
  expectError,
  expectSameBits,
  randomTensor,
  useEngineForTests,
  valuesOf,
} from '../../testing/src/index.ts';
import {
  maskedPixelLoss,
  maskPatches,
  VIT_MAE_PRESETS,
  ViTForImageClassification,
  ViTMAEForPreTraining,
  ViTMAEModel,
  vitMAEConfig,
  type ViTMAEOptions,
  vitMAEConfigFromHuggingFace,
} from '../src/index.ts';

useEngineForTests();

const images = (seed = 0): Tensor4D => randomTensor<Tensor4D>([2, 1, 8, 8], { seed });
const std = (values: number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);

test('the patches with the least noise are kept, in its order; the others are hidden', () => {
  const noise = tensor2d([
    [0.4, 0.1, 0.3, 0.2],
    [0.1, 0.2, 0.3, 0.4],
  ]);
  const { keptIds, restoreIds, mask } = maskPatches(noise, 0.5);
  expect([...valuesOf(keptIds)]).toEqual([1, 3, 0, 1]);
  expect([...valuesOf(restoreIds)]).toEqual([3, 0, 2, 1, 0, 1, 2, 3]);
  expect([...valuesOf(mask)]).toEqual([1, 0, 1, 0, 0, 0, 1, 1]);
  expect([keptIds.dtype, restoreIds.dtype, mask.dtype]).toEqual(['int32', 'int32', 'float32']);
});

test('a seed hides the same patches each time, another one others; noise may be given', () => {
  using model = new ViTMAEModel(VIT_MAE_PRESETS.testing, { seed: 1 });
  const maskOf = (options?: { seed?: number; noise?: Tensor2D }): number[] =>
    valuesOf(model.call(images(), options).mask);
  expect(maskOf({ seed: 3 })).toEqual(maskOf({ seed: 3 }));
  expect(maskOf({ seed: 3 })).not.toEqual(maskOf({ seed: 4 }));
  expect(maskOf()).toEqual(maskOf({ seed: 0 }));
  expect(maskOf().filter((value) => value === 1)).toHaveLength(2 * 12);
  const noise = tensor2d(Array.from({ length: 2 }, () => Array.from({ length: 16 }, (_, i) => -i)));
  expect(maskOf({ noise }).slice(0, 16)).toEqual([...new Array<number>(12).fill(1), 0, 0, 0, 0]);
});

test('noise for another number of patches is told', async () => {
  using model = new ViTMAEModel(VIT_MAE_PRESETS.testing, { seed: 1 });
  const [x, noise] = [images(), randomTensor<Tensor2D>([2, 15])];
  await expectError(() => model.call(x, { noise }), { code: 'shape', message: 'noise must be [2, 16], got [2, 15]' });
});

describe('the loss', () => {
  // Two channels of two pixels in two patches.
  const picture = (): Tensor4D => tensor4d([1, 2, 3, 4, 5, 6, 7, 9], [1, 2, 1, 4]);
  const mask = (): Tensor2D => tensor2d([[0, 1]]);

  test('by hand: the mean square of what hidden patches miss, channels of a pixel together', () => {
    // Patch 1 has the pixels [3, 7] and [4, 9].
    const logits = tensor3d([9, 9, 9, 9, 3, 5, 4, 10], [1, 2, 4]);
    expectClose(
      maskedPixelLoss(logits, { images: picture(), mask: mask(), patchSize: [1, 2], normPixLoss: false }),
      (0 + 4 + 0 + 1) / 4,
    );
  });

  test('by hand: against pixels of mean 0 and variance 1', () => {
    const target = [3, 7, 4, 9].map((pixel) => (pixel - 5.75) / Math.sqrt(22.75 / 3 + 1e-6));
    const logits = tensor3d([9, 9, 9, 9, ...target], [1, 2, 4]);
    const options = { images: picture(), mask: mask(), patchSize: [1, 2] as const, normPixLoss: true };
    expectClose(maskedPixelLoss(logits, options), 0, { atol: 1e-10 });
    expectClose(maskedPixelLoss(mul(logits, 0), options), target.reduce((sum, value) => sum + value ** 2, 0) / 4);
  });
});

test('toImages puts pixels where the loss looks for them', () => {
  using model = new ViTMAEForPreTraining({ ...VIT_MAE_PRESETS.testing, numChannels: 3 }, { seed: 1 });
  const pictures = randomTensor<Tensor4D>([2, 3, 8, 8]);
  const logits = randomTensor([2, 16, 12]) as Parameters<typeof model.toImages>[0];
  const all = tensor2d(Array.from({ length: 2 }, () => new Array<number>(16).fill(1)));
  const painted = model.toImages(logits);
  const square = valuesOf(painted).map((value, i) => (value - valuesOf(pictures)[i]!) ** 2);
  const loss = maskedPixelLoss(logits, { images: pictures, mask: all, patchSize: [2, 2], normPixLoss: false });
  expectClose(loss, square.reduce((sum, value) => sum + value, 0) / square.length);
});

describe('the first weights', () => {
  test('are Xavier`s, those of patches as of a matrix; tokens have a deviation of 0.02 (He et al. 2022, A.1)', () => {
    using model = new ViTMAEForPreTraining(
      { imageSize: 16, patchSize: 4, dim: 256, numHeads: 4, numLayers: 1, decoderDim: 128, decoderNumLayers: 1 },
      { seed: 1 },
    );
    const { encoder, decoder } = model;
    const bound = (weight: { shape: number[] }): number => {
      const [outDim = 1, ...rest] = weight.shape;
      return Math.sqrt(6 / (outDim + rest.reduce((product, axis) => product * axis, 1)));
    };
    const layer = encoder.layers[0]!;
    const weights = [encoder.patches, layer.attention.query, layer.mlp.hidden, decoder.embed, decoder.output];
    for (const { weight } of weights) {
      const values = valuesOf(weight);
      expect(std(values) / (bound(weight) / Math.sqrt(3))).toBeCloseTo(1, 1);
      expect(values.every((value) => Math.abs(value) <= bound(weight) * (1 + 1e-6))).toBe(true);
    }
    expect(std([...valuesOf(encoder.classToken), ...valuesOf(decoder.maskToken)]) / 0.02).toBeCloseTo(1, 1);
  });

  test('of positions are sines and cosines, which no training moves', () => {
    using model = new ViTMAEForPreTraining({ ...VIT_MAE_PRESETS.testing, imageSize: [4, 8] }, { seed: 1 });
    for (const [part, dim] of [
      [model.encoder, 16],
      [model.decoder, 8],
    ] as const) {
      expectSameBits(part.positions, sinusoidalGrid({ dim, grid: [2, 4], classTokens: 1 }));
      expect(part.positions.trainable).toBe(false);
    }
    const frozen = model.parameters().filter(({ trainable }) => !trainable);
    expect(frozen).toEqual([model.encoder.positions, model.decoder.positions]);
  });
});

describe('folders', () => {
  test('both spellings of the decoder`s layers are read, and written as they were', async () => {
    using model = new ViTMAEForPreTraining(VIT_MAE_PRESETS.testing, { seed: 1 });
    const published = new Map<string, Uint8Array>();
    await model.savePretrained(published);
    expect(text(published)).toContain('decoder.decoder_layers.0.attention.attention.query.weight');
    const renamed = new Map([...published].map(([name, bytes]) => [name, renameIn(bytes)]));
    using loaded = await ViTMAEForPreTraining.fromPretrained(renamed);
    expectSameBits(loaded.call(images()).logits, model.call(images()).logits);
    const again = new Map<string, Uint8Array>();
    await loaded.savePretrained(again);
    expect(again).toEqual(renamed);
  });

  test('the bare model opens a pre-training folder', async () => {
    using model = new ViTMAEForPreTraining(VIT_MAE_PRESETS.testing, { seed: 1 });
    const files = new Map<string, Uint8Array>();
    await model.savePretrained(files);
    using bare = await ViTMAEModel.fromPretrained(files);
    expectSameBits(bare.call(images()).hidden, model.encoder.call(images()).hidden);
  });
});

test.each<[Partial<ViTMAEOptions>, string]>([
  [{ dim: 18, numHeads: 2 }, 'ViTMAEConfig: dim must be a multiple of 4, got 18'],
  [{ decoderNumHeads: 3 }, 'ViTMAEConfig: decoderDim must be divisible by decoderNumHeads, got 8 and 3'],
  [{ maskRatio: 1 }, 'ViTMAEConfig: maskRatio must be a number from 0 to below 1, got 1'],
  [{ imageSize: 1 }, 'ViTMAEConfig: imageSize must hold a patch of [2, 2], got [1, 1]'],
])('%o is refused', (options, message) => {
  const refused = (): unknown => vitMAEConfig({ ...VIT_MAE_PRESETS.testing, ...options });
  expect(refused).toThrow(ConfigError);
  expect(refused).toThrow(message);
});

test('an empty config.json is mae-base', () => {
  expect(vitMAEConfigFromHuggingFace({})).toEqual(vitMAEConfig(VIT_MAE_PRESETS['mae-base']));
});

/** The header of the weights. */
function text(files: Map<string, Uint8Array>): string {
  return new TextDecoder('latin1').decode(files.get('model.safetensors'));
}

/** The decoder's layers as Transformers 5 calls them when it saves. */
function renameIn(bytes: Uint8Array): Uint8Array {
  const latin = Buffer.from(bytes).toString('latin1');
  if (!latin.includes('decoder.decoder_layers.')) return bytes;
  const length = Number(Buffer.from(bytes).readBigUInt64LE(0));
  const header = latin.slice(8, 8 + length).replaceAll('decoder.decoder_layers.', 'decoder.decoder_encoder.layer.');
  const padded = header.trimEnd().padEnd(8 * Math.ceil(header.trimEnd().length / 8), ' ');
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  return new Uint8Array(
    Buffer.concat([size, Buffer.from(padded, 'latin1'), Buffer.from(latin.slice(8 + length), 'latin1')]),
  );
}

test('a classifier opens an MAE folder with a new head: the encoder is that of the MAE, the decoder is left', async () => {
  using mae = new ViTMAEForPreTraining({ ...VIT_MAE_PRESETS.testing, imageSize: 8, numChannels: 1 }, { seed: 3 });
  const files = new Map<string, Uint8Array>();
  await mae.savePretrained(files);
  await expectError(() => ViTForImageClassification.fromPretrained(files), { code: 'mismatch', message: 'classifier' });
  using model = await ViTForImageClassification.fromPretrained(files, { newHead: true, labels: ['a', 'b', 'c'] });
  expect(model.origin?.unused.some((name) => name.startsWith('decoder.'))).toBe(true);
  const encoder = mae.namedParameters();
  let shared = 0;
  for (const [path, parameter] of model.namedParameters()) {
    const same = encoder.get(path);
    if (!same) continue;
    expectSameBits(parameter, same);
    shared++;
  }
  expect(shared).toBeGreaterThan(10);

  const saved = new Map<string, Uint8Array>();
  await model.savePretrained(saved);
  expect(JSON.parse(new TextDecoder().decode(saved.get('config.json')))).toMatchObject({
    model_type: 'vit',
    architectures: ['ViTForImageClassification'],
  });
  using again = await ViTForImageClassification.fromPretrained(saved);
  expectSameBits(again.call(images()), model.call(images()));
});
