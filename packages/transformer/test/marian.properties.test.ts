import { encoderDecoderProperties } from '../../testing/src/index.ts';
import { Marian, MARIAN_PRESETS } from '../src/index.ts';
import { residualOutputs } from './support/residual-outputs.ts';

const apart = { shareEmbeddings: false, tieEmbeddings: false };

encoderDecoderProperties<Marian>({
  name: 'Marian, tables apart',
  create: (given) => {
    const { seed, smooth: _, ...options } = given; // its activation has no kinks
    return new Marian({ vocabSize: 64, padTokenId: 3, ...MARIAN_PRESETS.testing, ...apart, ...options }, { seed });
  },
  load: (files) => Marian.fromPretrained(files),
  encoderTokens: ({ sourceTokens }) => sourceTokens!.weight,
  decoderTokens: ({ targetTokens }) => targetTokens!.weight,
  encoderLayers: ({ encoder }) => encoder.layers,
  decoderLayers: ({ decoder }) => decoder.layers,
  residualOutputs,
  norm: 'post',
});
