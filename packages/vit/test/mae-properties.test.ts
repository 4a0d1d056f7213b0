import { tidy } from '@tensorflow/tfjs-core';

import { imageFillerProperties, randomTensor } from '../../testing/src/index.ts';
import { VIT_MAE_PRESETS, ViTMAEForPreTraining } from '../src/index.ts';

imageFillerProperties<ViTMAEForPreTraining>({
  name: 'ViTMAEForPreTraining',
  create: ({ seed, dropout = 0, initStd }) => {
    const model = new ViTMAEForPreTraining(
      { ...VIT_MAE_PRESETS.testing, imageSize: [8, 4], numChannels: 2, dropout, maskRatio: 0.5 },
      { seed },
    );
    if (initStd !== undefined)
      for (const [i, parameter] of model.parameters().entries())
        if (parameter.rank > 1 && parameter.trainable)
          parameter.assign(randomTensor(parameter.shape, { seed: 100 * seed + i, std: initStd }));
    return model;
  },
  load: (files) => ViTMAEForPreTraining.fromPretrained(files),
  layers: ({ encoder, decoder }) => [...encoder.layers, ...decoder.layers],
  hidden: (model, images) => tidy(() => model.call(images).mask),
  paint: (model, images) => tidy(() => model.toImages(model.call(images).logits)),
  loss: (model, images) => model.loss(images),
});
