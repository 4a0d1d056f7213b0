import type { CrossAttentionOptions, LayerCache, SelfAttentionOptions } from '@formers/attention';
import { layerNorm, report } from '@formers/backend';
import { Dropout, type LayerNormCallOptions, LayerNorm, Module, ones, parameter } from '@formers/nn';
import { add, type Rank, type Tensor3D, type Variable } from '@tensorflow/tfjs-core';

/** Where layers normalise: after each part is added (Vaswani et al. 2017, section 3.1), or what each part reads (Xiong et al. 2020). */
export type NormOrder = 'post' | 'pre';

/** Layer normalisation of [batch, seq, dim], with or without a shift. */
export type Norm = Module<[x: Tensor3D, options?: LayerNormCallOptions], Tensor3D>;

/** Makes the norms of a model. */
export function createNorm({ dim, epsilon, bias }: { dim: number; epsilon: number; bias: boolean }): Norm {
  return bias ? new LayerNorm<Tensor3D>({ dim, epsilon }) : new UnshiftedNorm(dim, epsilon);
}

/** Layer normalisation with a gain alone: what PyTorch's layers have with `bias=False`. */
class UnshiftedNorm extends Module<[x: Tensor3D, options?: LayerNormCallOptions], Tensor3D> {
  /** [dim], the gain. */
  readonly weight: Variable<Rank.R1>;
  readonly epsilon: number;

  constructor(dim: number, epsilon: number) {
    super();
    this.weight = parameter<Rank.R1>([dim], { init: ones, random: null });
    this.epsilon = epsilon;
  }

  protected override forward(x: Tensor3D, { residual }: LayerNormCallOptions = {}): Tensor3D {
    return layerNorm(residual ? add(x, residual) : x, this); // [batch, seq, dim]
  }
}

/** A part of a layer with what is around it: `norm(x + dropout(f(x)))`, or pre-norm `x + dropout(f(norm(x)))`. */
function sublayer(
  x: Tensor3D,
  f: (x: Tensor3D) => Tensor3D,
  { norm, order, dropout }: { norm: Norm; order: NormOrder; dropout: Dropout<Tensor3D> },
): Tensor3D {
  return order === 'post'
    ? norm.call(dropout.call(f(x)), { residual: x }) // [batch, seq, dim]
    : add(x, dropout.call(f(norm.call(x)))); // [batch, seq, dim]
}

/** What layers of both stacks are made of. */
interface LayerParts {
  mlp: Module<[x: Tensor3D], Tensor3D>;
  norm: () => Norm;
  order: NormOrder;
  /** Of what each part adds to the residual stream. */
  dropout: number;
}

/** What an encoder layer is made of. */
export interface EncoderLayerParts extends LayerParts {
  attention: Module<[x: Tensor3D, options?: SelfAttentionOptions], Tensor3D>;
}

/** One encoder layer: self-attention, then a feed-forward network. */
export class EncoderLayer extends Module<[x: Tensor3D, options?: SelfAttentionOptions], Tensor3D> {
  attention: EncoderLayerParts['attention'];
  norm1: Norm;
  mlp: LayerParts['mlp'];
  norm2: Norm;
  readonly dropout: Dropout<Tensor3D>;
  readonly order: NormOrder;

  constructor({ attention, mlp, norm, order, dropout }: EncoderLayerParts) {
    super();
    this.attention = attention;
    this.norm1 = norm();
    this.mlp = mlp;
    this.norm2 = norm();
    this.dropout = new Dropout(dropout);
    this.order = order;
  }

  protected override forward(x: Tensor3D, options?: SelfAttentionOptions): Tensor3D {
    const { order, dropout } = this;
    const attended = sublayer(x, (y) => this.attention.call(y, options), { norm: this.norm1, order, dropout }); // [batch, seq, dim]
    return sublayer(attended, (y) => this.mlp.call(y), { norm: this.norm2, order, dropout }); // [batch, seq, dim]
  }
}

/** What a decoder layer is told: masks and cache of its self-attention, and what goes to its cross-attention. */
export interface DecoderLayerOptions
  extends Omit<SelfAttentionOptions, 'cache'>, Pick<CrossAttentionOptions, 'context'> {
  /** bool, broadcastable to [batch, heads, queries, keys]: what may be seen of the context. */
  contextMask?: CrossAttentionOptions['mask'];
  cache?: LayerCache | undefined;
  crossCache?: CrossAttentionOptions['crossCache'];
}

/** What a decoder layer is made of. */
export interface DecoderLayerParts extends LayerParts {
  selfAttention: Module<[x: Tensor3D, options?: SelfAttentionOptions], Tensor3D>;
  crossAttention: Module<[x: Tensor3D, options: CrossAttentionOptions], Tensor3D>;
}

/** One decoder layer: causal self-attention, attention to what the encoder made, then a feed-forward network. */
export class DecoderLayer extends Module<[x: Tensor3D, options: DecoderLayerOptions], Tensor3D> {
  selfAttention: DecoderLayerParts['selfAttention'];
  norm1: Norm;
  crossAttention: DecoderLayerParts['crossAttention'];
  norm2: Norm;
  mlp: LayerParts['mlp'];
  norm3: Norm;
  readonly dropout: Dropout<Tensor3D>;
  readonly order: NormOrder;

  constructor({ selfAttention, crossAttention, mlp, norm, order, dropout }: DecoderLayerParts) {
    super();
    this.selfAttention = selfAttention;
    this.norm1 = norm();
    this.crossAttention = crossAttention;
    this.norm2 = norm();
    this.mlp = mlp;
    this.norm3 = norm();
    this.dropout = new Dropout(dropout);
    this.order = order;
  }

  protected override forward(x: Tensor3D, { context, contextMask, crossCache, ...own }: DecoderLayerOptions): Tensor3D {
    const { order, dropout } = this;
    const cross = { context, mask: contextMask, crossCache };
    const written = sublayer(x, (y) => this.selfAttention.call(y, own), { norm: this.norm1, order, dropout }); // [batch, seq, dim]
    const read = sublayer(written, (y) => this.crossAttention.call(y, cross), { norm: this.norm2, order, dropout }); // [batch, seq, dim]
    return sublayer(read, (y) => this.mlp.call(y), { norm: this.norm3, order, dropout }); // [batch, seq, dim]
  }
}

/** Layers one after another, and a norm at the end if there is one. Reports what goes in and what each layer makes of it, the last one after the norm. */
export class Stack<Layer extends Module<[x: Tensor3D, options: never], Tensor3D>> extends Module<
  [x: Tensor3D, run: (layer: Layer, x: Tensor3D, index: number) => Tensor3D],
  Tensor3D
> {
  layers: Layer[];
  norm: Norm | undefined;

  constructor(layers: Layer[], norm?: Norm) {
    super();
    this.layers = layers;
    this.norm = norm;
  }

  protected override forward(x: Tensor3D, run: (layer: Layer, x: Tensor3D, index: number) => Tensor3D): Tensor3D {
    let y = x;
    for (const [i, layer] of this.layers.entries()) {
      report('hiddenStates', () => y);
      y = run(layer, y, i); // [batch, seq, dim]
    }
    if (this.norm) y = this.norm.call(y); // [batch, seq, dim]
    report('hiddenStates', () => y);
    return y;
  }
}
