import { ShapeError, ValueError } from '@formers/backend';
import {
  type FolderLocation,
  type FolderTarget,
  openFolder,
  type OpenFolderOptions,
  openTarget,
  readJson,
  serializeJson,
} from '@formers/checkpoints';

import { layOnWhite, toGrey, toRgb } from '../colour.ts';
import { crop } from '../crop.ts';
import { checkImage, type RawImage } from '../raw-image.ts';
import { resize, type ResizeBackend } from '../resize/resize.ts';
import { levelTable } from './level-table.ts';
import { parseProcessorConfig, type ProcessorJson, serializeProcessorConfig } from './parse-config.ts';
import type { ImageProcessorConfig } from './processor-types.ts';

/** Images as a model takes them. */
export interface PixelValues {
  readonly pixelValues: Float32Array;
  readonly shape: [batch: number, channels: number, height: number, width: number];
}

/** Options of {@link ImageProcessor}. */
export interface ImageProcessorOptions {
  /** Which of Hugging Face's two backends to agree with: `pil` (default) or `torchvision`; they may differ by a level. */
  backend?: ResizeBackend;
}

const FILE = 'preprocessor_config.json';
const FLOATS: ReadonlySet<string> = new Set(['image_mean', 'image_std', 'rescale_factor']);

/**
 * Turns images into what a model takes, as Hugging Face's ViT, DeiT and CLIP image processors do: resizes, crops the middle, rescales and normalises,
 * in this order. An `image_mean` with one number makes a processor for grey images.
 *
 * ```ts
 * const processor = await ImageProcessor.fromPretrained('checkpoints/digits');
 * const { pixelValues, shape } = processor.process(await loadImage('seven.png'));
 * ```
 */
export class ImageProcessor {
  readonly config: ImageProcessorConfig;
  readonly backend: ResizeBackend;
  readonly #json: ProcessorJson;
  /** Whether it was read from a file, whose spelling of numbers is kept. */
  readonly #isStored: boolean;
  readonly #levels: Float32Array;

  private constructor(
    json: ProcessorJson,
    { backend = 'pil', isStored = false }: ImageProcessorOptions & { isStored?: boolean },
  ) {
    this.config = parseProcessorConfig(json);
    this.backend = backend;
    this.#json = json;
    this.#isStored = isStored;
    this.#levels = levelTable(this.config, backend);
  }

  /**
   * A processor by the keys of preprocessor_config.json; for those that are absent Hugging Face's defaults hold.
   *
   * @throws {@link ConfigError} for values that can't be, and for classes other than those of ViT, DeiT and CLIP.
   */
  static fromConfig(json: ProcessorJson, options: ImageProcessorOptions = {}): ImageProcessor {
    return new ImageProcessor(json, { ...options, isStored: false });
  }

  /** Reads preprocessor_config.json of a folder on disk, at a URL, on the hub or in memory. @throws {@link CheckpointError} when it isn't there. */
  static async fromPretrained(
    location: FolderLocation,
    { backend, ...options }: ImageProcessorOptions & OpenFolderOptions = {},
  ): Promise<ImageProcessor> {
    const json = await readJson(await openFolder(location, options), FILE, {
      maxBytes: 1_000_000,
      signal: options.signal,
    });
    return new ImageProcessor(json, { ...(backend && { backend }), isStored: true });
  }

  /** 1 for grey images, 3 for colours. */
  get numChannels(): number {
    return this.config.imageMean.length;
  }

  /**
   * Pixel values of one or several images, float32 [batch, channels, height, width]. Images without the processor's number of channels are converted:
   * grey to three channels or colours to grey; alpha is dropped, or laid on white where the config has `do_convert_rgb`.
   *
   * @throws {@link ShapeError} when the images end up with different sizes.
   */
  process(images: RawImage | readonly RawImage[]): PixelValues {
    const list = 'data' in images ? [images] : images;
    const prepared = list.map((image) => this.#prepare(image));
    const [first] = prepared;
    if (!first) throw new ValueError('ImageProcessor.process: images must be one image or more, got none');
    const { width, height, channels } = first;
    const pixelValues = new Float32Array(prepared.length * channels * height * width);
    prepared.forEach((image, i) => {
      if (image.width !== width || image.height !== height) {
        throw new ShapeError(
          `ImageProcessor.process: images must all become ${width} x ${height}, got ${image.width} x ${image.height} for number ${i}`,
        );
      }
      this.#fill(pixelValues.subarray(i * channels * height * width), image);
    });
    return { pixelValues, shape: [prepared.length, channels, height, width] };
  }

  /** Writes preprocessor_config.json, which Python's `AutoImageProcessor` opens; what was read comes back, unknown keys included. */
  async savePretrained(target: string | Map<string, Uint8Array> | FolderTarget): Promise<void> {
    const json = { ...serializeProcessorConfig(this.config), ...this.#json };
    const keepSpellingOf = this.#isStored ? this.#json : undefined;
    await openTarget(target).write(FILE, serializeJson(json, { keepSpellingOf, floatKeys: FLOATS }));
  }

  /** The image with the right channels and size, still as levels. */
  #prepare(image: RawImage): RawImage {
    checkImage(image, 'ImageProcessor.process');
    const { doConvertRgb, doResize, size, resample, doCenterCrop, cropSize } = this.config;
    const opaque = doConvertRgb ? layOnWhite(image) : image;
    const coloured = this.numChannels === 1 ? toGrey(opaque) : toRgb(opaque);
    const target = 'shortestEdge' in size ? inProportion(coloured, size.shortestEdge) : size;
    const resized = doResize ? resize(coloured, { ...target, resample, backend: this.backend }) : coloured;
    return doCenterCrop && cropSize ? this.#centerCrop(resized, cropSize) : resized;
  }

  /** The middle; a smaller image gets a black border, which the two backends divide differently where its width is odd. */
  #centerCrop(image: RawImage, { width, height }: { width: number; height: number }): RawImage {
    const start = (from: number, to: number): number => {
      const space = (from - to) / 2;
      return space < 0 && this.backend === 'torchvision' ? Math.ceil(space) : Math.floor(space);
    };
    return crop(image, { left: start(image.width, width), top: start(image.height, height), width, height });
  }

  /** Levels [height, width, channels] to values [channels, height, width]. */
  #fill(values: Float32Array, { data, width, height, channels }: RawImage): void {
    const pixels = width * height;
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        const level = data[pixel * channels + channel] as number;
        values[channel * pixels + pixel] = this.#levels[channel * 256 + level] as number;
      }
    }
  }
}

/** The size of an image whose shorter side gets a length; the longer one is cut to whole pixels. */
function inProportion({ width, height }: RawImage, shortest: number): { width: number; height: number } {
  if (width <= height) return { width: shortest, height: Math.trunc((shortest * height) / width) };
  return { width: Math.trunc((shortest * width) / height), height: shortest };
}
