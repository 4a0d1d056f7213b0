import { linear, type RandomStream } from '@formers/backend';
import { Module, normal, parameter, zeros } from '@formers/nn';
import { type Rank, reshape, type Tensor, type Tensor2D, type Tensor3D, type Variable } from '@tensorflow/tfjs-core';

/** Options of {@link PixelDecoder}. */
export interface PixelDecoderConfig {
  dim: number;
  numChannels: number;
  /** Pixels along each side of a patch. */
  stride: number;
  initStd: number;
  random: RandomStream | null;
}

/**
 * The pixels of each patch from its hidden state by one linear layer (Xie et al. 2022, SimMIM, section 3.3): [batch, patches, dim] to
 * [batch, patches, channels · stride · stride], laid out as `patchify` has them.
 */
export class PixelDecoder extends Module<[x: Tensor3D], Tensor3D> {
  /** [channels · stride · stride, dim, 1, 1], as PyTorch stores a convolution of one pixel. */
  readonly weight: Variable<Rank.R4>;
  /** [channels · stride · stride] */
  readonly bias: Variable<Rank.R1>;

  constructor({ dim, numChannels, stride, initStd, random }: PixelDecoderConfig) {
    super();
    const pixels = numChannels * stride * stride;
    this.weight = parameter<Rank.R4>([pixels, dim, 1, 1], { init: normal(initStd), random });
    this.bias = parameter<Rank.R1>([pixels], { init: zeros, random });
  }

  protected override forward(x: Tensor3D): Tensor3D {
    const [pixels, dim] = this.weight.shape;
    return linear(x, reshape(this.weight as Tensor, [pixels, dim]) as Tensor2D, { bias: this.bias }); // [batch, patches, pixels]
  }
}
