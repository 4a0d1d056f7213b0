import type { FolderLocation } from '@formers/checkpoints';
import {
  type InitOptions,
  initStream,
  type Linear,
  loadPretrained,
  parameter,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import type { Rank, Tensor2D, Tensor3D, Tensor4D, Variable } from '@tensorflow/tfjs-core';

import { type ViTConfig, vitConfig, type ViTOptions } from '../config.ts';
import {
  createPooler,
  type MaskedCallOptions,
  pool,
  ViTEncoder,
  type ViTEncoderOptions,
  type ViTOutput,
  type ViTParts,
} from '../model.ts';
import { truncatedNormal } from '../truncated-normal.ts';
import { DEIT_MODEL } from './hf.ts';

/**
 * A ViT with a second token before the patches, which learns from a teacher (Touvron et al. 2021, section 4, figure 2): images
 * [batch, channels, height, width] to hidden states [batch, 2 + patches, dim]; the class token is the first, the distillation token the second.
 */
export class DeiTEncoder extends ViTEncoder {
  /** [1, 1, dim] */
  readonly distillationToken: Variable<Rank.R3>;

  constructor(config: ViTConfig, options: ViTEncoderOptions) {
    super(config, { ...options, numPrefixTokens: 2 });
    const { dim, initStd } = config;
    this.distillationToken = parameter<Rank.R3>([1, 1, dim], {
      init: truncatedNormal(initStd),
      random: options.random,
    });
  }

  protected override prefixTokens(): Tensor3D[] {
    return [this.classToken, this.distillationToken];
  }
}

/** A DeiT without a head: hidden states of all tokens [batch, 2 + patches, dim], and the pooled class token. */
export class DeiTModel extends PretrainedModel<[images: Tensor4D, options?: MaskedCallOptions], ViTOutput, ViTConfig> {
  readonly config: ViTConfig;
  readonly format: typeof DEIT_MODEL = DEIT_MODEL;
  encoder: DeiTEncoder;
  pooler: Linear<Tensor2D> | undefined;

  constructor(options: ViTOptions, { pooler = true, maskToken, ...init }: InitOptions & ViTParts = {}) {
    super();
    this.config = vitConfig(options);
    this.encoder = new DeiTEncoder(this.config, { maskToken, random: initStream(init, 'init') });
    this.pooler = pooler ? createPooler(this.config, init) : undefined;
  }

  protected override forward(images: Tensor4D, options?: MaskedCallOptions): ViTOutput {
    const hidden = this.encoder.call(images, options); // [batch, 2 + patches, dim]
    return { hidden, pooled: this.pooler && pool(hidden, { pooler: this.pooler, config: this.config }) };
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    { pooler, maskToken, ...options }: PretrainedOptions & ViTParts = {},
  ): Promise<DeiTModel> {
    return loadPretrained(location, {
      format: DEIT_MODEL,
      create: (config, init) =>
        new DeiTModel(config, { ...init, ...(pooler !== undefined && { pooler }), ...(maskToken && { maskToken }) }),
      options,
    });
  }
}
