import type { Variable } from '@tensorflow/tfjs-core';

import { imageModelProperties } from '../../testing/src/index.ts';
import { DEIT_PRESETS, DeiTForImageClassification } from '../src/index.ts';

const labels = Array.from({ length: 10 }, (_, i) => `class ${i}`);

imageModelProperties<DeiTForImageClassification>({
  name: 'DeiT',
  create: ({ seed, ...options }) =>
    new DeiTForImageClassification(
      {
        ...DEIT_PRESETS.testing,
        imageSize: [12, 4],
        patchSize: [4, 2],
        numChannels: 2,
        numHeads: 4,
        labels,
        ...options,
      },
      { seed },
    ),
  load: (files) => DeiTForImageClassification.fromPretrained(files),
  numPrefixTokens: 2,
  positions: ({ encoder }) => encoder.positions,
  layers: ({ encoder }) => encoder.layers,
  attentions: ({ encoder }) => encoder.layers.map(({ attention }) => attention),
  residualOutputs: ({ encoder }) =>
    encoder.layers.flatMap(({ attention, mlp }) =>
      [attention.output, mlp.output].flatMap(({ weight, bias }): Variable[] => [weight, bias!]),
    ),
});
