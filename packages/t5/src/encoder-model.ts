import { checkShape } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  type Embedding,
  type InitOptions,
  initStream,
  loadPretrained,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import type { Tensor2D, Tensor3D } from '@tensorflow/tfjs-core';

import { type T5Config, t5Config, type T5Options } from './config.ts';
import { T5_ENCODER } from './hf.ts';
import { createTokens, type T5EncodeOptions, T5Encoder } from './model.ts';

/** The encoder of a T5 alone, as text-to-image models read their prompts with: ids [batch, seq] to states [batch, seq, dim]. Opens whole T5 checkpoints, too. */
export class T5EncoderModel extends PretrainedModel<[ids: Tensor2D, options?: T5EncodeOptions], Tensor3D, T5Config> {
  readonly config: T5Config;
  readonly format: typeof T5_ENCODER = T5_ENCODER;
  tokens: Embedding;
  encoder: T5Encoder;

  constructor(options: T5Options, init: InitOptions = {}) {
    super();
    const config = t5Config(options);
    const random = initStream(init);
    this.config = config;
    this.tokens = createTokens(config, random);
    this.encoder = new T5Encoder(config, random);
  }

  protected override forward(ids: Tensor2D, options?: T5EncodeOptions): Tensor3D {
    checkShape('T5EncoderModel: ids', ids, ['batch', 'seq']);
    return this.encoder.call(this.tokens.call(ids), options); // [batch, seq, dim]
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<T5EncoderModel> {
    return loadPretrained(location, {
      format: T5_ENCODER,
      create: (config, init) => new T5EncoderModel(config, init),
      options,
    });
  }
}
