import { emptyImage, type RawImage } from '../raw-image.ts';
import type { ResizeBackend } from './resize.ts';

/** The image with each output pixel a copy of one input pixel, that on which its centre lies. */
export function resizeNearest(
  image: RawImage,
  { width, height, backend }: { width: number; height: number; backend: ResizeBackend },
): RawImage {
  const positions = backend === 'pil' ? pillowPositions : torchPositions;
  const columns = positions(image.width, width);
  const rows = positions(image.height, height);
  const { data: source, channels } = image;
  const output = emptyImage({ width, height, channels });
  let at = 0;
  for (const row of rows) {
    for (const column of columns) {
      const first = (row * image.width + column) * channels;
      for (let channel = 0; channel < channels; channel++) output.data[at++] = source[first + channel] as number;
    }
  }
  return output;
}

/** Adds up step by step, as Pillow's `ImagingScaleAffine` does: the rounding errors of the sum decide where centres lie between two pixels. */
function pillowPositions(from: number, to: number): Int32Array {
  const positions = new Int32Array(to);
  const step = from / to;
  let position = step * 0.5;
  for (let i = 0; i < to; i++) {
    positions[i] = Math.min(from - 1, Math.trunc(position));
    position += step;
  }
  return positions;
}

/** `nearest-exact` of PyTorch, which computes in float32. */
function torchPositions(from: number, to: number): Int32Array {
  const step = Math.fround(from / to);
  return Int32Array.from({ length: to }, (_, i) =>
    Math.min(from - 1, Math.trunc(Math.fround(Math.fround(i + 0.5) * step))),
  );
}
