import { type AttentionOptions, MultiHeadAttention } from '@formers/attention';
import type { RandomStream } from '@formers/backend';
import { Dropout, FeedForward, Linear, Module, normal, RMSNorm } from '@formers/nn';
import { add, mul, type Tensor, type Tensor3D, type Variable } from '@tensorflow/tfjs-core';

import type { T5Config } from './config.ts';

/** Feed-forward network with gates: `(activation(x W₁ᵀ) ⊙ x Vᵀ) W₂ᵀ` (Shazeer 2020, equation 6), [batch, seq, dim] to [batch, seq, dim]. */
export class T5GatedFeedForward extends Module<[x: Tensor3D], Tensor3D> {
  gate: Linear<Tensor3D>;
  content: Linear<Tensor3D>;
  output: Linear<Tensor3D>;
  readonly dropout: Dropout<Tensor3D>;
  readonly activation: T5Config['activation'];

  constructor(config: T5Config, random: RandomStream | null) {
    super();
    const { dim, hiddenDim, initFactor } = config;
    const wide = { inDim: dim, outDim: hiddenDim, bias: false, init: normal(initFactor / Math.sqrt(dim)), random };
    const init = normal(initFactor / Math.sqrt(hiddenDim));
    this.gate = new Linear(wide);
    this.content = new Linear(wide);
    this.output = new Linear({ inDim: hiddenDim, outDim: dim, bias: false, init, random });
    this.dropout = new Dropout(config.dropout);
    this.activation = config.activation;
  }

  protected override forward(x: Tensor3D): Tensor3D {
    const gate = this.gate.call(x, { activation: this.activation }); // [batch, seq, hidden]
    const hidden: Tensor3D = mul(gate, this.content.call(x)); // [batch, seq, hidden]
    return this.dropout.call(this.output.call(this.dropout.call(hidden))); // [batch, seq, dim]
  }
}

/** One encoder layer, pre-norm: `x + attention(norm1(x))`, then `x + mlp(norm2(x))`. */
export class T5EncoderLayer extends Module<[x: Tensor3D, options?: AttentionOptions], Tensor3D> {
  norm1: RMSNorm<Tensor3D>;
  attention: MultiHeadAttention;
  norm2: RMSNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D> | T5GatedFeedForward;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: T5Config, random: RandomStream | null) {
    super();
    this.norm1 = createNorm(config);
    this.attention = createAttention(config, { causal: false, random });
    this.norm2 = createNorm(config);
    this.mlp = createFeedForward(config, random);
    this.dropout = new Dropout(config.dropout);
  }

  protected override forward(x: Tensor3D, options?: AttentionOptions): Tensor3D {
    const attended: Tensor3D = add(x, this.dropout.call(this.attention.call(this.norm1.call(x), options))); // [batch, seq, dim]
    return add(attended, this.mlp.call(this.norm2.call(attended))); // [batch, seq, dim]
  }
}

/** What a decoder layer is told besides the target's states. */
export interface T5DecoderLayerOptions extends Omit<AttentionOptions, 'context' | 'valueContext'> {
  /** The source's states from the encoder: [batch, keys, dim]. */
  context: Tensor3D;
  /** bool, broadcastable to [batch, heads, queries, keys]: which of them may be attended to. */
  contextMask?: Tensor | undefined;
}

/** One decoder layer, pre-norm: attention to the target, attention to the source, and `mlp`, each added to the residual stream. */
export class T5DecoderLayer extends Module<[x: Tensor3D, options: T5DecoderLayerOptions], Tensor3D> {
  norm1: RMSNorm<Tensor3D>;
  selfAttention: MultiHeadAttention;
  norm2: RMSNorm<Tensor3D>;
  crossAttention: MultiHeadAttention;
  norm3: RMSNorm<Tensor3D>;
  mlp: FeedForward<Tensor3D> | T5GatedFeedForward;
  readonly dropout: Dropout<Tensor3D>;

  constructor(config: T5Config, random: RandomStream | null) {
    super();
    this.norm1 = createNorm(config);
    this.selfAttention = createAttention(config, { causal: true, random });
    this.norm2 = createNorm(config);
    this.crossAttention = createAttention(config, { causal: false, random });
    this.norm3 = createNorm(config);
    this.mlp = createFeedForward(config, random);
    this.dropout = new Dropout(config.dropout);
  }

  protected override forward(
    x: Tensor3D,
    { context, contextMask: mask, crossCache, ...own }: T5DecoderLayerOptions,
  ): Tensor3D {
    const written: Tensor3D = add(x, this.dropout.call(this.selfAttention.call(this.norm1.call(x), own))); // [batch, seq, dim]
    const read = this.crossAttention.call(this.norm2.call(written), { context, mask, crossCache }); // [batch, seq, dim]
    const attended: Tensor3D = add(written, this.dropout.call(read)); // [batch, seq, dim]
    return add(attended, this.mlp.call(this.norm3.call(attended))); // [batch, seq, dim]
  }
}

function createFeedForward(config: T5Config, random: RandomStream | null): FeedForward<Tensor3D> | T5GatedFeedForward {
  if (config.gated) return new T5GatedFeedForward(config, random);
  const { dim, hiddenDim, activation, dropout, initFactor } = config;
  return new FeedForward<Tensor3D>({
    dim,
    hiddenDim,
    activation,
    bias: false,
    activationDropout: dropout,
    dropout,
    init: normal(initFactor / Math.sqrt(dim)),
    outputInit: normal(initFactor / Math.sqrt(hiddenDim)),
    random,
  });
}

/** A norm with T5's first gains. */
export function createNorm({ dim, normEpsilon, initFactor }: T5Config): RMSNorm<Tensor3D> {
  const norm = new RMSNorm<Tensor3D>({ dim, epsilon: normEpsilon });
  scale(norm.weight, initFactor);
  return norm;
}

/** Attention whose scores aren't divided by √headDim: the first weights of the queries are instead, as in Mesh TensorFlow. */
function createAttention(
  { dim, numHeads, headDim, dropout, initFactor }: T5Config,
  { causal, random }: { causal: boolean; random: RandomStream | null },
): MultiHeadAttention {
  const attention = new MultiHeadAttention({
    dim,
    numHeads,
    headDim,
    bias: false,
    causal,
    scale: 1,
    dropout,
    init: normal(initFactor / Math.sqrt(dim)),
    outputInit: normal(initFactor / Math.sqrt(numHeads * headDim)),
    random,
  });
  scale(attention.query.weight, 1 / Math.sqrt(headDim));
  return attention;
}

/** Multiplies a parameter in place. */
function scale(parameter: Variable, factor: number): void {
  const scaled = mul(parameter, factor);
  parameter.assign(scaled);
  scaled.dispose();
}
