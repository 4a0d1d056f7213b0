import { ConfigError } from '@formers/backend';

import { checkImage, checkSize, emptyImage, type RawImage } from '../raw-image.ts';
import { FILTERS, type Resample } from './filters.ts';
import { resizeNearest } from './nearest.ts';
import { premultiply, unpremultiply } from './premultiply.ts';
import { bitsFor16, fixedPoint, resizeWindows, type Windows } from './windows.ts';

/** Whose pixels to compute: Pillow's, or those of torchvision (on a CPU with vector instructions), which may differ by a level. */
export type ResizeBackend = 'pil' | 'torchvision';

/** Options of {@link resize}. */
export interface ResizeOptions {
  width: number;
  height: number;
  /** Default `bicubic`, as in Pillow. */
  resample?: Resample;
  /** Default `pil`. */
  backend?: ResizeBackend;
}

/**
 * The image in another size: bit for bit what Pillow 13's `Image.resize` gives, or torchvision's `resize` of an 8-bit tensor with antialiasing.
 * Pillow weighs colours by their alpha, torchvision doesn't.
 *
 * @throws {@link ConfigError} for `box` and `hamming` with torchvision, which has no such filters.
 */
export function resize(
  image: RawImage,
  { width, height, resample = 'bicubic', backend = 'pil' }: ResizeOptions,
): RawImage {
  checkImage(image, 'resize');
  checkSize({ width, height }, 'resize');
  if (!(resample === 'nearest' || resample in FILTERS)) {
    throw new ConfigError(
      `resize: resample must be nearest or one of ${Object.keys(FILTERS).join(', ')}, got ${resample}`,
    );
  }
  if (backend === 'torchvision' && (resample === 'box' || resample === 'hamming')) {
    throw new ConfigError(`resize: torchvision has no filter ${resample}; take another one, or backend 'pil'`);
  }
  if (image.width === width && image.height === height) return { ...image, data: Uint8Array.from(image.data) };
  if (resample === 'nearest') return resizeNearest(image, { width, height, backend });

  const filter = FILTERS[resample];
  const windows = (from: number, to: number): FixedWindows => weigh(resizeWindows(filter, { from, to }), backend);
  const columns = (source: RawImage): RawImage =>
    source.width === width ? source : resizeColumns(source, windows(source.width, width));
  const rows = (source: RawImage): RawImage =>
    source.height === height ? source : resizeRows(source, windows(source.height, height));
  const rowsFirst = backend === 'pil' && startsWithRows(image, { width, height });
  const convolve = (source: RawImage): RawImage => (rowsFirst ? columns(rows(source)) : rows(columns(source)));
  const hasAlpha = image.channels === 2 || image.channels === 4;
  return backend === 'pil' && hasAlpha ? unpremultiply(convolve(premultiply(image))) : convolve(image);
}

/** Which pass comes first matters, as levels are rounded in between. Pillow's rule since 13.0, found by trying; before, columns came first. */
function startsWithRows(image: RawImage, { width, height }: { width: number; height: number }): boolean {
  return height < image.height && 2 * (image.width - width) < image.height - height;
}

/** Windows whose weights are whole numbers of `2 ** -bits`. */
interface FixedWindows extends Omit<Windows, 'weights'> {
  readonly weights: Int32Array;
  readonly bits: number;
}

/** Pillow computes with weights of 22 bits, PyTorch with as many as fit into 16. */
function weigh(windows: Windows, backend: ResizeBackend): FixedWindows {
  const bits = backend === 'pil' ? 22 : bitsFor16(windows.weights);
  return { ...windows, weights: fixedPoint(windows.weights, bits), bits };
}

function resizeColumns(image: RawImage, { starts, counts, weights, stride, bits }: FixedWindows): RawImage {
  const { data: source, channels, height } = image;
  const output = emptyImage({ width: starts.length, height, channels });
  const half = 2 ** (bits - 1);
  let at = 0;
  for (let row = 0; row < height; row++) {
    const rowStart = row * image.width * channels;
    for (let column = 0; column < starts.length; column++) {
      const first = rowStart + (starts[column] as number) * channels;
      const count = counts[column] as number;
      for (let channel = 0; channel < channels; channel++) {
        let sum = half;
        for (let k = 0; k < count; k++) {
          sum += (source[first + k * channels + channel] as number) * (weights[column * stride + k] as number);
        }
        output.data[at++] = clip(sum, bits);
      }
    }
  }
  return output;
}

function resizeRows(image: RawImage, { starts, counts, weights, stride, bits }: FixedWindows): RawImage {
  const { data: source, channels, width } = image;
  const output = emptyImage({ width, height: starts.length, channels });
  const rowLength = width * channels;
  const sums = new Float64Array(rowLength);
  for (let row = 0; row < starts.length; row++) {
    sums.fill(2 ** (bits - 1));
    for (let k = 0; k < (counts[row] as number); k++) {
      const first = ((starts[row] as number) + k) * rowLength;
      const weight = weights[row * stride + k] as number;
      for (let i = 0; i < rowLength; i++) sums[i] = (sums[i] as number) + (source[first + i] as number) * weight;
    }
    for (let i = 0; i < rowLength; i++) output.data[row * rowLength + i] = clip(sums[i] as number, bits);
  }
  return output;
}

/** A sum of whole numbers below 2^31 as a level from 0 to 255. */
function clip(sum: number, bits: number): number {
  return Math.min(255, Math.max(0, sum >> bits));
}
