import { encoderDecoderProperties } from '../../testing/src/index.ts';
import { Transformer, TRANSFORMER_PRESETS } from '../src/index.ts';
import { residualOutputs } from './support/residual-outputs.ts';

for (const norm of ['post', 'pre'] as const)
  encoderDecoderProperties<Transformer>({
    name: `Transformer, ${norm}-norm`,
    create: ({ seed, numLayers = 2, dropout = 0, smooth = false }) => {
      const activation = smooth ? 'gelu' : 'relu';
      const options = { vocabSize: 64, ...TRANSFORMER_PRESETS.testing, norm, numLayers, dropout, activation } as const;
      return new Transformer(options, { seed });
    },
    load: (files) => Transformer.fromPretrained(files),
    encoderTokens: ({ tokens }) => tokens!.weight,
    decoderTokens: ({ tokens }) => tokens!.weight,
    encoderLayers: ({ encoder }) => encoder.layers,
    decoderLayers: ({ decoder }) => decoder.layers,
    residualOutputs,
    norm,
  });
