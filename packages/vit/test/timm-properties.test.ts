import type { Variable } from '@tensorflow/tfjs-core';

import { imageModelProperties, randomTensor } from '../../testing/src/index.ts';
import { TimmViT } from '../src/index.ts';

const labels = Array.from({ length: 10 }, (_, i) => `class ${i}`);

imageModelProperties<TimmViT>({
  name: 'TimmViT',
  create: ({ seed, dropout = 0, initStd, numLayers = 2 }) => {
    const model = new TimmViT(
      {
        ...{ imageSize: [12, 4], patchSize: [4, 2], numChannels: 2, dim: 16, numHeads: 4, numLayers, labels },
        ...{ dropout, positionDropout: dropout, projectionDropout: dropout, attentionDropout: dropout },
        ...{ layerScale: 0.5, numRegisters: 1 },
      },
      { seed },
    );
    if (initStd !== undefined)
      for (const [i, parameter] of model.parameters().entries())
        if (parameter.rank > 1) parameter.assign(randomTensor(parameter.shape, { seed: 100 * seed + i, std: initStd }));
    return model;
  },
  load: (files) => TimmViT.fromPretrained(files),
  numPrefixTokens: 2,
  interpolates: false,
  positions: ({ encoder }) => encoder.positions!,
  layers: ({ encoder }) => encoder.layers,
  residualOutputs: ({ encoder }) =>
    encoder.layers.flatMap(({ attention, mlp }) =>
      [attention.output, mlp.output].flatMap(({ weight, bias }): Variable[] => [weight, bias!]),
    ),
});
