import type { Variable } from '@tensorflow/tfjs-core';

import { decoderProperties } from '../../testing/src/index.ts';
import { GPT, GPT_PRESETS } from '../src/index.ts';

decoderProperties<GPT>({
  name: 'GPT',
  create: ({ seed, ...options }) => new GPT({ vocabSize: 65, ...GPT_PRESETS.testing, ...options }, { seed }),
  load: (files) => GPT.fromPretrained(files),
  tokens: ({ decoder }) => decoder.tokens.weight,
  layers: ({ decoder }) => decoder.layers,
  residualOutputs: ({ decoder }) =>
    decoder.layers.flatMap(({ attention, mlp }) =>
      [attention.output, mlp.output].flatMap(({ weight, bias }): Variable[] => [weight, bias!]),
    ),
});
