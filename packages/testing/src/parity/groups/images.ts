import path from 'node:path';

import { type SafetensorsFile, type StoredTensor, toFloat32 } from '@formers/checkpoints';
import {
  type Channels,
  decodeImage,
  ImageProcessor,
  type ImageProcessorConfig,
  loadImage,
  type ProcessorJson,
  type RawImage,
  type Resample,
  resize,
  type ResizeBackend,
  toGrey,
  toRgb,
} from '@formers/images';

import { type Case, readCaseJson, readCaseTensors, Unsupported } from '../case.ts';
import type { Comparison } from '../comparison.ts';

/** What case.json lists. */
interface ImagesDescription {
  readonly images: readonly { readonly file: string }[];
  readonly processors: readonly { readonly name: string; readonly class: string; readonly config: string }[];
}

const BACKENDS: readonly ResizeBackend[] = ['pil', 'torchvision'];
const CLASSES: readonly string[] = ['ViTImageProcessor', 'DeiTImageProcessor', 'CLIPImageProcessor'];

/** The parts of a case about images: decoded files, resized pictures, and each processor with each backend. */
export async function imageCases(testCase: Case): Promise<[string, (comparison: Comparison) => Promise<void>][]> {
  const { folder } = testCase;
  const { processors } = await readCaseJson<ImagesDescription>(folder, 'case.json');
  return [
    ['decoded', (comparison) => compareDecoded(folder, comparison)],
    ['resized', (comparison) => compareResized(folder, comparison)],
    ...processors.flatMap((processor) =>
      BACKENDS.map((backend): [string, (comparison: Comparison) => Promise<void>] => [
        `${processor.name}.${backend}`,
        (comparison) => comparePixelValues(folder, { ...processor, backend, comparison }),
      ]),
    ),
  ];
}

/** PNG exactly, JPEG within 3 levels. */
async function compareDecoded(folder: string, comparison: Comparison): Promise<void> {
  const expected = await readCaseTensors(folder, 'decoded.safetensors');
  const { images } = await readCaseJson<ImagesDescription>(folder, 'case.json');
  for (const { file } of images) {
    const place = path.join(folder, 'files', file);
    const stored = await decodeImage(place);
    const found: [string, RawImage][] = [
      [file, await loadImage(place)],
      [`${file}.as-stored`, toRgb(stored)],
      [`${file}.RGBA`, stored],
      [`${file}.L`, toGrey(stored)],
    ];
    for (const [name, image] of found) {
      const tensor = expected.tensors.get(name);
      if (tensor) compareLevels(name, image, { tensor, comparison, levels: /\.jpe?g$/i.test(file) ? 3 : 0 });
    }
  }
}

/** Within a level, as case.json says; Pillow's passes come in another order since release 13. */
async function compareResized(folder: string, comparison: Comparison): Promise<void> {
  const decoded = await readCaseTensors(folder, 'decoded.safetensors');
  const expected = await readCaseTensors(folder, 'resized.safetensors');
  for (const [name, tensor] of expected.tensors) {
    const [, file = '', resample = '', width, height] = /^(.*)\.(\w+)\.(\d+)x(\d+)$/.exec(name) ?? [];
    const image = pictureOf(decoded, file);
    const resized = resize(image, { width: Number(width), height: Number(height), resample: resample as Resample });
    compareLevels(name, resized, { tensor, comparison, levels: 1 });
  }
}

async function comparePixelValues(
  folder: string,
  {
    name,
    class: className,
    config,
    backend,
    comparison,
  }: ImagesDescription['processors'][number] & { backend: ResizeBackend; comparison: Comparison },
): Promise<void> {
  if (!CLASSES.includes(className)) throw new Unsupported(`the image processor ${className}`);
  const processor = ImageProcessor.fromConfig(await readCaseJson<ProcessorJson>(folder, config), { backend });
  const decoded = await readCaseTensors(folder, 'decoded.safetensors');
  const expected = await readCaseTensors(folder, 'pixel_values.safetensors');
  const prefix = `${name}.${backend}.`;
  for (const [key, tensor] of expected.tensors) {
    if (!key.startsWith(prefix)) continue;
    const { pixelValues, shape } = processor.process(pictureOf(decoded, key.slice(prefix.length)));
    comparison.equal(`${key} shape`, shape.slice(1), tensor.shape);
    const wanted = toFloat32(tensor);
    const size = wanted.length / processor.numChannels;
    for (let channel = 0; channel < processor.numChannels; channel++) {
      const range = [channel * size, (channel + 1) * size] as const;
      comparison.numbers(`${key}[${channel}]`, pixelValues.subarray(...range), {
        expected: wanted.subarray(...range),
        tolerance: { rtol: 0, atol: 1.2 * levelSize(processor.config, channel) },
      });
    }
    if (backend === 'pil') {
      const close = wanted.reduce(
        (sum, value, i) => sum + Number(Math.abs(value - (pixelValues[i] ?? NaN)) <= 1e-5),
        0,
      );
      comparison.equal(`${key}: 99 % within 1e-5`, close >= 0.99 * wanted.length, true);
    }
  }
}

/** By how much a pixel value changes when its level changes by one. */
function levelSize({ doRescale, rescaleFactor, doNormalize, imageStd }: ImageProcessorConfig, channel: number): number {
  return (doRescale ? rescaleFactor : 1) / (doNormalize ? (imageStd[channel] ?? 1) : 1);
}

function compareLevels(
  name: string,
  image: RawImage,
  { tensor, comparison, levels }: { tensor: StoredTensor; comparison: Comparison; levels: number },
): void {
  const [height, width, channels = 1] = tensor.shape;
  comparison.equal(`${name} size`, [image.height, image.width, image.channels], [height, width, channels]);
  comparison.numbers(name, image.data, { expected: tensor.bytes, tolerance: { rtol: 0, atol: levels } });
}

/** A decoded picture of the case, height x width x channels. */
function pictureOf({ tensors }: SafetensorsFile, file: string): RawImage {
  const tensor = tensors.get(file);
  if (!tensor) throw new Error(`decoded.safetensors has no picture ${file}`);
  const [height = 0, width = 0, channels = 1] = tensor.shape;
  return { data: tensor.bytes, width, height, channels: channels as Channels };
}
