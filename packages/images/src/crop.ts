import { checkImage, checkSize, emptyImage, type RawImage } from './raw-image.ts';

/** A part of an image, or more than the image: where its left upper corner is (maybe outside), and its size, in pixels. */
export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** What lies in a region; pixels outside of the image have the level `fill` in all channels, default 0. */
export function crop(image: RawImage, { left, top, width, height, fill = 0 }: Region & { fill?: number }): RawImage {
  checkImage(image, 'crop');
  checkSize({ width, height }, 'crop');
  const { channels } = image;
  const output = emptyImage({ width, height, channels });
  if (fill !== 0) output.data.fill(fill);
  const begin = Math.max(0, left);
  const end = Math.min(image.width, left + width);
  if (end <= begin) return output;
  for (let row = Math.max(0, top); row < Math.min(image.height, top + height); row++) {
    const source = image.data.subarray((row * image.width + begin) * channels, (row * image.width + end) * channels);
    output.data.set(source, ((row - top) * width + begin - left) * channels);
  }
  return output;
}

/** The image as seen in a mirror: left and right exchanged. */
export function flipHorizontal(image: RawImage): RawImage {
  checkImage(image, 'flipHorizontal');
  const { data: source, width, height, channels } = image;
  const output = emptyImage({ width, height, channels });
  for (let pixel = 0; pixel < width * height; pixel++) {
    const column = pixel % width;
    const from = (pixel - column + width - 1 - column) * channels;
    for (let i = 0; i < channels; i++) output.data[pixel * channels + i] = source[from + i] as number;
  }
  return output;
}
