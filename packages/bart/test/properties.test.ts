import type { Variable } from '@tensorflow/tfjs-core';

import { encoderDecoderProperties } from '../../testing/src/index.ts';
import { BART, BART_PRESETS } from '../src/index.ts';

encoderDecoderProperties<BART>({
  name: 'BART',
  create: ({ seed, numLayers, dropout, initStd }) =>
    new BART(
      {
        vocabSize: 65,
        ...BART_PRESETS.testing,
        ...(numLayers !== undefined && { numLayers }),
        ...(dropout !== undefined && { dropout }),
        ...(initStd !== undefined && { initStd }),
      },
      { seed },
    ),
  load: (files) => BART.fromPretrained(files),
  encoderTokens: ({ model }) => model.tokens.weight,
  decoderTokens: ({ model }) => model.tokens.weight,
  encoderLayers: ({ model }) => model.encoder.layers,
  decoderLayers: ({ model }) => model.decoder.layers,
  residualOutputs: ({ model }) =>
    [
      ...model.encoder.layers.flatMap(({ attention, mlp }) => [attention, mlp]),
      ...model.decoder.layers.flatMap(({ selfAttention, crossAttention, mlp }) => [selfAttention, crossAttention, mlp]),
    ].flatMap(({ output }): Variable[] => [output.weight, output.bias!]),
  norm: 'post',
});
