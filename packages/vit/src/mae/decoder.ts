import { type RandomStream, report } from '@formers/backend';
import { LayerNorm, Linear, Module, normal, parameter, xavierUniform } from '@formers/nn';
import { interpolatePositions } from '@formers/positional';
import {
  add,
  concat,
  type Rank,
  slice,
  type Tensor2D,
  type Tensor3D,
  tile,
  type Variable,
} from '@tensorflow/tfjs-core';

import { ViTLayer } from '../layer.ts';
import { gridOf } from '../size.ts';
import { gatherTokens, tokensFrom } from '../tokens.ts';
import type { ViTMAEConfig } from './config.ts';
import { fixedPositions } from './fixed-positions.ts';

/**
 * The decoder of the masked autoencoder (He et al. 2022, section 3): hidden states of the seen patches [batch, 1 + seen, dim] to the pixels of all,
 * [batch, patches, patchHeight · patchWidth · channels]. What its layers report comes after what the encoder's do.
 */
export class ViTMAEDecoder extends Module<[hidden: Tensor3D, restoreIds: Tensor2D], Tensor3D> {
  embed: Linear<Tensor3D>;
  /** [1, 1, decoderDim], in place of each hidden patch. */
  readonly maskToken: Variable<Rank.R3>;
  /** [1, 1 + patches, decoderDim]; not trained. */
  readonly positions: Variable<Rank.R3>;
  layers: ViTLayer[];
  norm: LayerNorm<Tensor3D>;
  output: Linear<Tensor3D>;

  constructor(config: ViTMAEConfig, random: RandomStream | null) {
    super();
    const { decoderDim: dim, imageSize, patchSize, numChannels, normEpsilon } = config;
    const init = xavierUniform;
    this.embed = new Linear({ inDim: config.dim, outDim: dim, init, random });
    this.maskToken = parameter<Rank.R3>([1, 1, dim], { init: normal(config.initStd), random });
    this.positions = fixedPositions({ dim, grid: gridOf(imageSize, patchSize) });
    const { decoderHiddenDim: hiddenDim, decoderNumHeads: numHeads } = config;
    this.layers = Array.from(
      { length: config.decoderNumLayers },
      () => new ViTLayer({ ...config, dim, hiddenDim, numHeads, init, random }),
    );
    this.norm = new LayerNorm({ dim, epsilon: normEpsilon });
    this.output = new Linear({ inDim: dim, outDim: patchSize[0] * patchSize[1] * numChannels, init, random });
  }

  protected override forward(hidden: Tensor3D, restoreIds: Tensor2D): Tensor3D {
    const [batch, patches] = restoreIds.shape;
    const seen = this.embed.call(hidden); // [batch, 1 + seen, decoderDim]
    const numHidden = patches + 1 - seen.shape[1];
    const all: Tensor3D = concat([tokensFrom(seen, 1), tile(this.maskToken as Tensor3D, [batch, numHidden, 1])], 1);
    const restored = gatherTokens(all, restoreIds); // [batch, patches, decoderDim]
    const tokens: Tensor3D = concat([slice(seen, [0, 0, 0], [batch, 1, -1]), restored], 1);
    let x: Tensor3D = add(tokens, this.#positionsFor(patches)); // [batch, 1 + patches, decoderDim]
    for (const layer of this.layers) {
      report('hiddenStates', () => x);
      x = layer.call(x); // [batch, 1 + patches, decoderDim]
    }
    report('hiddenStates', () => x);
    return tokensFrom(this.output.call(this.norm.call(x)), 1); // [batch, patches, pixels]
  }

  /** For another number of patches Hugging Face stretches the positions as if all patches stood in one row. */
  #positionsFor(patches: number): Tensor3D {
    const [, tokens, dim] = this.positions.shape;
    if (patches + 1 === tokens) return this.positions;
    const stretched = interpolatePositions(tokensFrom(this.positions, 1), { from: [1, tokens - 1], to: [1, patches] });
    return concat([slice(this.positions as Tensor3D, [0, 0, 0], [1, 1, dim]), stretched], 1);
  }
}
