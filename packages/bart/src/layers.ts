import { type AttentionOptions, MultiHeadAttention } from '@formers/attention';
import type { RandomStream } from '@formers/backend';
import { Dropout, FeedForward, LayerNorm, Module, normal } from '@formers/nn';
import type { Tensor, Tensor3D } from '@tensorflow/tfjs-core';

import type { BARTConfig } from './config.ts';

/** One encoder layer, post-norm: `norm1(x + attention(x))`, then `norm2(x + mlp(x))`. */
export class BARTEncoderLayer extends Module<[x: Tensor3D, options?: AttentionOptions], Tensor3D> {
  attention: MultiHeadAttention;
  norm1: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  norm2: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: BARTConfig, random: RandomStream | null) {
    super();
    const { dim, numHeads, hiddenDim } = config;
    this.attention = createAttention(config, { numHeads, causal: false, random });
    this.norm1 = new LayerNorm({ dim });
    this.mlp = createFeedForward(config, { hiddenDim, random });
    this.norm2 = new LayerNorm({ dim });
    this.dropout = new Dropout(config.dropout);
  }

  protected override forward(x: Tensor3D, options?: AttentionOptions): Tensor3D {
    const attended = this.norm1.call(this.dropout.call(this.attention.call(x, options)), { residual: x }); // [batch, seq, dim]
    return this.norm2.call(this.mlp.call(attended), { residual: attended }); // [batch, seq, dim]
  }
}

/** What a decoder layer is told besides the target's states. */
export interface BARTDecoderLayerOptions extends Omit<AttentionOptions, 'context' | 'valueContext'> {
  /** The source's states from the encoder: [batch, keys, dim]; without them the layer sees the target alone. */
  context?: Tensor3D | undefined;
  /** bool, broadcastable to [batch, heads, queries, keys]: which of them may be attended to. */
  contextMask?: Tensor | undefined;
}

/** One decoder layer, post-norm: attention to the target, attention to the source, and `mlp`, each added to its input and normalised. */
export class BARTDecoderLayer extends Module<[x: Tensor3D, options?: BARTDecoderLayerOptions], Tensor3D> {
  selfAttention: MultiHeadAttention;
  norm1: LayerNorm<Tensor3D>;
  crossAttention: MultiHeadAttention;
  norm2: LayerNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D>;
  norm3: LayerNorm<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: BARTConfig, random: RandomStream | null) {
    super();
    const { dim, numDecoderHeads: numHeads, decoderHiddenDim: hiddenDim } = config;
    this.selfAttention = createAttention(config, { numHeads, causal: true, random });
    this.norm1 = new LayerNorm({ dim });
    this.crossAttention = createAttention(config, { numHeads, causal: false, random });
    this.norm2 = new LayerNorm({ dim });
    this.mlp = createFeedForward(config, { hiddenDim, random });
    this.norm3 = new LayerNorm({ dim });
    this.dropout = new Dropout(config.dropout);
  }

  protected override forward(
    x: Tensor3D,
    { context, contextMask: mask, crossCache, ...own }: BARTDecoderLayerOptions = {},
  ): Tensor3D {
    let y = this.norm1.call(this.dropout.call(this.selfAttention.call(x, own)), { residual: x }); // [batch, seq, dim]
    if (context) {
      const read = this.crossAttention.call(y, { context, mask, crossCache }); // [batch, seq, dim]
      y = this.norm2.call(this.dropout.call(read), { residual: y }); // [batch, seq, dim]
    }
    return this.norm3.call(this.mlp.call(y), { residual: y }); // [batch, seq, dim]
  }
}

function createAttention(
  { dim, attentionDropout: dropout, initStd }: BARTConfig,
  { numHeads, causal, random }: { numHeads: number; causal: boolean; random: RandomStream | null },
): MultiHeadAttention {
  return new MultiHeadAttention({ dim, numHeads, causal, dropout, init: normal(initStd), random });
}

function createFeedForward(
  { dim, activation, dropout, activationDropout, initStd }: BARTConfig,
  { hiddenDim, random }: { hiddenDim: number; random: RandomStream | null },
): FeedForward<Tensor3D> {
  return new FeedForward({ dim, hiddenDim, activation, dropout, activationDropout, init: normal(initStd), random });
}
