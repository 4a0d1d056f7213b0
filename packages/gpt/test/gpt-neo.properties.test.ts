import type { Variable } from '@tensorflow/tfjs-core';

import { decoderProperties } from '../../testing/src/index.ts';
import { GPT_NEO_PRESETS, GPTNeo } from '../src/index.ts';

decoderProperties<GPTNeo>({
  name: 'GPT-Neo',
  create: ({ seed, ...options }) => new GPTNeo({ vocabSize: 65, ...GPT_NEO_PRESETS.testing, ...options }, { seed }),
  load: (files) => GPTNeo.fromPretrained(files),
  tokens: ({ decoder }) => decoder.tokens.weight,
  layers: ({ decoder }) => decoder.layers,
  residualOutputs: ({ decoder }) =>
    decoder.layers.flatMap(({ attention, mlp }) =>
      [attention.output, mlp.output].flatMap(({ weight, bias }): Variable[] => [weight, bias!]),
    ),
  window: (layer) => (layer % 2 === 1 ? GPT_NEO_PRESETS.testing.windowSize : Infinity),
});
