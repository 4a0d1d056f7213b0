import type { ModelFacts } from './image-classifier.ts';

/** Whether a model wants strokes and pictures in the form of MNIST's digits, light ink on black: grey ones of 28 x 28 pixels do. Others get the picture as it is. */
export function takesInk({
  numChannels,
  imageSize: [height, width],
}: Pick<ModelFacts, 'numChannels' | 'imageSize'>): boolean {
  return numChannels === 1 && height === 28 && width === 28;
}
