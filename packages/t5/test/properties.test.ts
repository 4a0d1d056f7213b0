import { encoderDecoderProperties } from '../../testing/src/index.ts';
import { T5, T5_PRESETS } from '../src/index.ts';

encoderDecoderProperties<T5>({
  name: 'T5',
  // The first weights are large as they are.
  create: ({ seed, numLayers, dropout, smooth }) =>
    new T5(
      {
        vocabSize: 65,
        ...T5_PRESETS.testing,
        ...(numLayers !== undefined && { numLayers }),
        ...(dropout !== undefined && { dropout }),
        ...(smooth && { activation: 'gelu' }),
      },
      { seed },
    ),
  load: (files) => T5.fromPretrained(files),
  encoderTokens: ({ model }) => model.tokens.weight,
  decoderTokens: ({ model }) => model.tokens.weight,
  encoderLayers: ({ model }) => model.encoder.layers,
  decoderLayers: ({ model }) => model.decoder.layers,
  residualOutputs: ({ model }) => [
    ...model.encoder.layers.flatMap(({ attention, mlp }) => [attention.output.weight, mlp.output.weight]),
    ...model.decoder.layers.flatMap(({ selfAttention, crossAttention, mlp }) =>
      [selfAttention, crossAttention, mlp].map(({ output }) => output.weight),
    ),
  ],
  norm: 'pre',
});
