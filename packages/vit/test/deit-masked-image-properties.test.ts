import { type Tensor2D, tensor2d, type Tensor4D, tidy } from '@tensorflow/tfjs-core';

import { imageFillerProperties } from '../../testing/src/index.ts';
import { DEIT_PRESETS, DeiTForMaskedImageModeling } from '../src/index.ts';

/** Every other patch, and in each row the first and the last. */
function hidden(_: unknown, images: Tensor4D): Tensor2D {
  const row = [1, 0, 1, 1, 0, 1];
  return tensor2d(Array.from({ length: images.shape[0] }, () => row));
}

imageFillerProperties<DeiTForMaskedImageModeling>({
  name: 'DeiTForMaskedImageModeling',
  create: ({ seed, ...options }) =>
    new DeiTForMaskedImageModeling({ ...DEIT_PRESETS.testing, imageSize: [12, 8], ...options }, { seed }),
  load: (files) => DeiTForMaskedImageModeling.fromPretrained(files),
  layers: ({ encoder }) => encoder.layers,
  hidden,
  paint: (model, images) => model.call(images, { mask: hidden(model, images) }),
  loss: (model, images) => tidy(() => model.loss(images, { mask: hidden(model, images) })),
});
