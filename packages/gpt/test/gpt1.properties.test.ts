import type { Variable } from '@tensorflow/tfjs-core';

import { decoderProperties } from '../../testing/src/index.ts';
import { GPT1, GPT1_PRESETS } from '../src/index.ts';

decoderProperties<GPT1>({
  name: 'GPT-1',
  create: ({ seed, ...options }) => new GPT1({ vocabSize: 65, ...GPT1_PRESETS.testing, ...options }, { seed }),
  load: (files) => GPT1.fromPretrained(files),
  tokens: ({ decoder }) => decoder.tokens.weight,
  layers: ({ decoder }) => decoder.layers,
  residualOutputs: ({ decoder }) =>
    decoder.layers.flatMap(({ attention, mlp }) =>
      [attention.output, mlp.output].flatMap(({ weight, bias }): Variable[] => [weight, bias!]),
    ),
  norm: 'post',
});
