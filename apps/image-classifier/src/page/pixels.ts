import type { RawImage } from '@formers/images';

/** Pixels for a canvas: colours as they are, grey as the ink that it is on this page, black on white. */
export function imageDataOf({ data, width, height, channels }: RawImage): ImageData {
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const level = data[pixel * channels + (channels < 3 ? 0 : channel)] ?? 0;
      image.data[4 * pixel + channel] = channels < 3 ? 255 - level : level;
    }
    image.data[4 * pixel + 3] = 255;
  }
  return image;
}

/** Pixels for a canvas on which ink has any colour: black, as opaque as there is ink; colours as they are. */
export function inkDataOf(image: RawImage): ImageData {
  if (image.channels > 1) return imageDataOf(image);
  const ink = new ImageData(image.width, image.height);
  for (let pixel = 0; pixel < image.data.length; pixel++) ink.data[4 * pixel + 3] = image.data[pixel] ?? 0;
  return ink;
}
