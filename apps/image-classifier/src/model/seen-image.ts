import type { ImageProcessor, RawImage } from '@formers/images';

type PixelValues = ReturnType<ImageProcessor['process']>;

/** The first image of pixel values as levels again, as it looks after resizing and cropping: the opposite of rescaling and normalising. */
export function seenImage({ pixelValues, shape }: PixelValues, config: ImageProcessor['config']): RawImage {
  const [, channels, height, width] = shape;
  const { doNormalize, imageMean, imageStd, doRescale, rescaleFactor } = config;
  const pixels = width * height;
  const data = new Uint8Array(pixels * channels); // [height, width, channels]
  for (let channel = 0; channel < channels; channel++) {
    const [mean, std] = doNormalize ? [imageMean[channel] ?? 0, imageStd[channel] ?? 1] : [0, 1];
    for (let pixel = 0; pixel < pixels; pixel++) {
      const value = (pixelValues[channel * pixels + pixel] ?? 0) * std + mean;
      data[pixel * channels + channel] = Math.min(
        255,
        Math.max(0, Math.round(doRescale ? value / rescaleFactor : value)),
      );
    }
  }
  return { data, width, height, channels: channels === 1 ? 1 : 3 };
}
