import { existsSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

import { ConfigError, ShapeError, ValueError } from '@formers/backend';
import { CheckpointError, parseSafetensors, toFloat32 } from '@formers/checkpoints';
import { describe, expect, it } from 'vitest';

import { ImageProcessor, type ProcessorJson, type ResizeBackend } from '../src/index.ts';
import { grey, picture } from './support/picture.ts';

interface Golden {
  config: ProcessorJson;
  from: [number, number, number];
  backend: ResizeBackend;
  shape: number[];
  crc32: number;
}

const { cases } = JSON.parse(readFileSync(new URL('goldens/pixel-values.json', import.meta.url), 'utf8')) as {
  cases: Golden[];
};
const fixtures = new URL('../../../../shared/fixtures/images/', import.meta.url);

describe('ImageProcessor', () => {
  it.each(cases)(
    '$config.image_processor_type $config.size of $from gives the bits of $backend',
    ({ config, from, backend, shape, crc32: expected }) => {
      const found = ImageProcessor.fromConfig(config, { backend }).process(picture(from));
      expect(found.shape).toEqual([1, ...shape]);
      expect(crc32(new Uint8Array(found.pixelValues.buffer))).toBe(expected);
    },
  );

  it('rescales, subtracts the mean and divides by the deviation, channel by channel', () => {
    const processor = ImageProcessor.fromConfig({
      do_resize: false,
      image_mean: [0.25, 0.5, 0.75],
      image_std: [0.5, 0.25, 0.125],
    });
    const { pixelValues, shape } = processor.process({
      data: Uint8Array.of(255, 0, 51, 0, 255, 102),
      width: 2,
      height: 1,
      channels: 3,
    });
    expect(shape).toEqual([1, 3, 1, 2]);
    [1.5, -0.5, -2, 2, -4.4, -2.8].forEach((value, i) => expect(pixelValues[i]).toBeCloseTo(value, 5)); // planes: red, green, blue
  });

  it('crops the middle, with a border of zeros around what is too small', () => {
    const options = {
      do_resize: false,
      do_rescale: false,
      do_normalize: false,
      do_center_crop: true,
      image_mean: [0],
      image_std: [1],
    };
    const crop = (size: object, backend: ResizeBackend): number[] => [
      ...ImageProcessor.fromConfig({ ...options, crop_size: { ...size } }, { backend }).process(
        grey([1, 2, 3], [4, 5, 6], [7, 8, 9]),
      ).pixelValues,
    ];
    expect(crop({ height: 1, width: 3 }, 'pil')).toEqual([4, 5, 6]);
    expect(crop({ height: 2, width: 2 }, 'pil')).toEqual([1, 2, 4, 5]);
    expect(crop({ height: 1, width: 6 }, 'pil')).toEqual([0, 0, 4, 5, 6, 0]);
    expect(crop({ height: 1, width: 6 }, 'torchvision')).toEqual([0, 4, 5, 6, 0, 0]);
  });

  it('keeps grey where there is one mean, and makes grey of colours', () => {
    const processor = ImageProcessor.fromConfig({
      do_resize: false,
      do_rescale: false,
      image_mean: [10],
      image_std: [2],
    });
    expect(processor.numChannels).toBe(1);
    expect([...processor.process(grey([10, 20])).pixelValues]).toEqual([0, 5]);
    expect([
      ...processor.process({ data: Uint8Array.of(255, 0, 0), width: 1, height: 1, channels: 3 }).pixelValues,
    ]).toEqual([33]);
  });

  it('drops alpha, and lays on white where it converts itself', () => {
    const clear = { data: Uint8Array.of(10, 20, 30, 0), width: 1, height: 1, channels: 4 } as const;
    const options = { do_resize: false, do_rescale: false, do_normalize: false };
    expect([...ImageProcessor.fromConfig(options).process(clear).pixelValues]).toEqual([10, 20, 30]);
    expect([...ImageProcessor.fromConfig({ ...options, do_convert_rgb: true }).process(clear).pixelValues]).toEqual([
      255, 255, 255,
    ]);
  });

  it('puts several images into one batch, in order', () => {
    const processor = ImageProcessor.fromConfig({
      do_resize: false,
      do_rescale: false,
      do_normalize: false,
      image_mean: [0],
      image_std: [1],
    });
    const { pixelValues, shape } = processor.process([grey([1, 2]), grey([3, 4])]);
    expect(shape).toEqual([2, 1, 1, 2]);
    expect([...pixelValues]).toEqual([1, 2, 3, 4]);
    expect(() => processor.process([grey([1, 2]), grey([3])])).toThrow(ShapeError);
    expect(() => processor.process([])).toThrow(ValueError);
  });

  it('reads files of older releases', () => {
    const { config } = ImageProcessor.fromConfig({
      feature_extractor_type: 'CLIPFeatureExtractor',
      size: 224,
      crop_size: 224,
      resample: 3,
      do_convert_rgb: null,
    });
    expect(config).toMatchObject({
      type: 'CLIPImageProcessor',
      size: { shortestEdge: 224 },
      cropSize: { height: 224, width: 224 },
      resample: 'bicubic',
      doConvertRgb: true,
    });
    expect(ImageProcessor.fromConfig({ image_processor_type: 'ViTImageProcessorFast', size: 30 }).config).toMatchObject(
      { size: { height: 30, width: 30 }, resample: 'bilinear' },
    );
  });

  it.each<[ProcessorJson, string]>([
    [{ image_processor_type: 'DetrImageProcessor' }, 'image_processor_type must be one of ViTImageProcessor'],
    [{ size: { height: 3 } }, 'size must have height and width, or shortest_edge, got height'],
    [{ size: { longest_edge: 3 } }, 'got longest_edge'],
    [{ size: 0 }, 'size must be'],
    [{ size: { height: 1e9, width: 1e9 } }, 'size'],
    [{ size: 'large' }, 'size must be'],
    [{ resample: 7 }, 'resample must be'],
    [{ do_resize: 'yes' }, 'do_resize must be boolean'],
    [{ image_mean: [0.5, 0.5] }, '1 or 3 channels, got 2'],
    [{ image_std: [1] }, 'image_std must have 3 numbers'],
    [{ image_std: [1, 0, 1] }, 'must not be 0'],
    [{ do_center_crop: true }, 'crop_size must be told'],
    [{ do_pad: true }, 'do_pad'],
    [{ image_mean: [0.5], image_std: [0.5], do_convert_rgb: true }, 'do_convert_rgb must be false'],
  ])('refuses %j', (json, message) => {
    expect(() => ImageProcessor.fromConfig(json)).toThrow(ConfigError);
    expect(() => ImageProcessor.fromConfig(json)).toThrow(message);
  });

  it('refuses to blow up a narrow image', () => {
    const processor = ImageProcessor.fromConfig({ image_processor_type: 'CLIPImageProcessor' });
    expect(() => processor.process(picture([1, 30_000, 1]))).toThrow('up to 50000000 pixels');
  });

  it('saves what it read, byte for byte, and unknown keys with it', async () => {
    const text =
      '{\n  "do_normalize": true,\n  "do_rescale": true,\n  "do_resize": true,\n  "image_mean": [\n    0.5,\n    0.5,\n    0.5\n  ],\n  "image_processor_type": "ViTImageProcessor",\n  "image_std": [\n    0.5,\n    0.5,\n    0.5\n  ],\n  "resample": 2,\n  "rescale_factor": 0.00392156862745098,\n  "size": {\n    "height": 224,\n    "width": 224\n  },\n  "x_of_a_user": 1.0\n}\n';
    const files = new Map([['preprocessor_config.json', new TextEncoder().encode(text)]]);
    const saved = new Map<string, Uint8Array>();
    await (await ImageProcessor.fromPretrained(files)).savePretrained(saved);
    expect(new TextDecoder().decode(saved.get('preprocessor_config.json'))).toBe(text);
  });

  it('saves everything that it was made with', async () => {
    const files = new Map<string, Uint8Array>();
    const processor = ImageProcessor.fromConfig({
      image_processor_type: 'DeiTImageProcessor',
      size: 36,
      image_mean: [1, 0, 0.5],
    });
    await processor.savePretrained(files);
    expect((await ImageProcessor.fromPretrained(files)).config).toEqual(processor.config);
    expect(new TextDecoder().decode(files.get('preprocessor_config.json'))).toContain(
      '"image_mean": [\n    1.0,\n    0.0,\n    0.5',
    );
    await expect(ImageProcessor.fromPretrained(new Map())).rejects.toThrow(CheckpointError);
  });
});

describe.skipIf(!existsSync(fixtures))(
  'ImageProcessor on ../shared/fixtures/images (skipped where ../shared is missing)',
  () => {
    it('gives the bits of Hugging Face, each processor with each backend', () => {
      const read = (name: string): Buffer => readFileSync(new URL(name, fixtures));
      const decoded = parseSafetensors(read('decoded.safetensors')).tensors;
      const expected = parseSafetensors(read('pixel_values.safetensors')).tensors;
      for (const [key, tensor] of expected) {
        const [, name, backend, file] = /^(.*?)\.(pil|torchvision)\.(.*)$/.exec(key)!;
        const image = decoded.get(file!)!;
        const processor = ImageProcessor.fromConfig(JSON.parse(read(`processors/${name}.json`).toString()), {
          backend: backend as ResizeBackend,
        });
        const found = processor.process({
          data: image.bytes,
          width: image.shape[1]!,
          height: image.shape[0]!,
          channels: 3,
        });
        expect(found.shape, key).toEqual([1, ...tensor.shape]);
        expect(Buffer.compare(Buffer.from(found.pixelValues.buffer), Buffer.from(toFloat32(tensor).buffer)), key).toBe(
          0,
        );
      }
      expect(expected.size).toBeGreaterThan(0);
    });
  },
);
