import type { ResizeBackend } from '../resize/resize.ts';
import type { ImageProcessorConfig } from './processor-types.ts';

/**
 * What each of the 256 levels of each channel becomes by rescaling and normalising; float32 [channels, 256]. Each number is rounded where Hugging Face
 * rounds it: with Pillow after rescaling in float64, and after each step in float32; with torchvision the two steps are one, in float32.
 */
export function levelTable(config: ImageProcessorConfig, backend: ResizeBackend): Float32Array {
  const convert = backend === 'pil' ? withPillow(config) : withTorchvision(config);
  return Float32Array.from({ length: config.imageMean.length * 256 }, (_, i) => convert(i % 256, i >> 8));
}

type Convert = (level: number, channel: number) => number;

const { fround } = Math;

function withPillow({ doRescale, rescaleFactor, doNormalize, imageMean, imageStd }: ImageProcessorConfig): Convert {
  return (level, channel) => {
    const value = doRescale ? fround(level * rescaleFactor) : level;
    if (!doNormalize) return value;
    return fround(value - fround(imageMean[channel] as number)) / fround(imageStd[channel] as number);
  };
}

function withTorchvision({
  doRescale,
  rescaleFactor,
  doNormalize,
  imageMean,
  imageStd,
}: ImageProcessorConfig): Convert {
  if (!doNormalize) return (level) => (doRescale ? level * fround(rescaleFactor) : level);
  const stretch = doRescale ? fround(1 / rescaleFactor) : 1;
  return (level, channel) => {
    const mean = fround(fround(imageMean[channel] as number) * stretch);
    const std = fround(fround(imageStd[channel] as number) * stretch);
    return fround(level - mean) / std;
  };
}
