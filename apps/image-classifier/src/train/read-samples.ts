import {
  type ImageDataSet,
  ImageError,
  type ImageProcessor,
  layOnWhite,
  loadImage,
  type RawImage,
  resize,
  toGrey,
  toRgb,
} from '@formers/images';

import { digitFromStrokes } from '../digit/digit-form.ts';
import { digitFromInk, readInk } from '../digit/read-ink.ts';
import { pictureOfStrokes } from '../page/drawing-pad.ts';
import type { Sample, SampleClass } from './protocol.ts';

/** Images that a processor crops are kept with up to this many pixels along their longer side. */
const LARGEST_SIDE = 512;

/** The most bytes of pixels that are kept. */
const MOST_BYTES = 512 * 2 ** 20;

/** How samples are read. */
export interface ReadOptions {
  readonly processor: ImageProcessor;
  /** Whether the model wants the ink of pictures, in the form of MNIST's digits. */
  readonly takesInk: boolean;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Decodes all samples to the size in which the model sees them, so that many of them fit into memory.
 *
 * @throws {@link ImageError} that names the sample; `too-large` when they don't fit.
 */
export async function readSamples(
  classes: readonly SampleClass[],
  { processor, takesInk, signal, onProgress }: ReadOptions,
): Promise<ImageDataSet> {
  const all = classes.flatMap(({ samples }, label) => samples.map((sample) => ({ sample, label })));
  const images: RawImage[] = [];
  let bytes = 0;
  for (const { sample } of all) {
    signal.throwIfAborted();
    const image = shrink(await pixelsOf(sample, takesInk), processor);
    bytes += image.data.length;
    if (bytes > MOST_BYTES)
      throw new ImageError(
        'too-large',
        `readSamples: the images take more than ${MOST_BYTES / 2 ** 20} MB of pixels after ${images.length} of ${all.length}; use fewer`,
      );
    images.push(image);
    onProgress(images.length, all.length);
  }
  return {
    length: all.length,
    labels: classes.map(({ label }) => label),
    identity: `${all.length} samples`,
    label: (index) => (all[index] as { label: number }).label,
    image: (index) => images[index] as RawImage,
  };
}

/** The pixels of a sample as the page makes them of a picture that it classifies. */
async function pixelsOf({ name, image }: Sample, takesInk: boolean): Promise<RawImage> {
  if (!(image instanceof Blob)) return takesInk ? digitFromStrokes(image) : pictureOfStrokes(image);
  try {
    const picture = await loadImage(image);
    return takesInk ? digitFromInk(readInk(picture)) : picture;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message.replace(/^\w+: /, '') : String(cause);
    throw new ImageError('unreadable', `“${name}” can’t be read: ${text}`, { cause });
  }
}

/** What the processor does first, which it then finds done: the same pixels come out as from the whole image. */
function shrink(image: RawImage, { config, numChannels }: ImageProcessor): RawImage {
  const { doConvertRgb, doResize, doCenterCrop, size, resample } = config;
  const opaque = doConvertRgb ? layOnWhite(image) : image;
  const coloured = numChannels === 1 ? toGrey(opaque) : toRgb(opaque);
  if (doResize && !doCenterCrop && 'height' in size) return resize(coloured, { ...size, resample });
  const scale = LARGEST_SIDE / Math.max(image.width, image.height);
  if (scale >= 1) return coloured;
  const [width, height] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  return resize(coloured, { width: width ?? 1, height: height ?? 1, resample: 'box' });
}
