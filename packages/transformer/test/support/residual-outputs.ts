import type { Variable } from '@tensorflow/tfjs-core';

import type { EncoderDecoder, EncoderDecoderConfig } from '../../src/index.ts';

/** The weights and biases of what is added to the residual streams. */
export function residualOutputs({ encoder, decoder }: EncoderDecoder<EncoderDecoderConfig>): Variable[] {
  const parts = [
    ...encoder.layers.flatMap(({ attention, mlp }) => [attention, mlp]),
    ...decoder.layers.flatMap(({ selfAttention, crossAttention, mlp }) => [selfAttention, crossAttention, mlp]),
  ];
  return parts.flatMap((part) =>
    [...part.namedParameters()].filter(([path]) => path.startsWith('output.')).map(([, parameter]) => parameter),
  );
}
