import { crossEntropy } from '@formers/backend';
import {
  type FolderLocation,
  type FolderTarget,
  openCheckpoint,
  openFolder,
  openTarget,
  parseSafetensors,
  serializeSafetensors,
} from '@formers/checkpoints';
import {
  Dropout,
  type InitOptions,
  initStream,
  LayerNorm,
  Linear,
  loadPretrained,
  PretrainedModel,
  type PretrainedOptions,
  type SaveOptions,
} from '@formers/nn';
import {
  add,
  max,
  mean,
  mul,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tidy,
} from '@tensorflow/tfjs-core';

import { tokenOf, tokensFrom } from '../tokens.ts';
import { truncatedNormal } from '../truncated-normal.ts';
import { numPrefixTokens, type TimmViTConfig, timmViTConfig, type TimmViTOptions } from './config.ts';
import { TIMM_VIT } from './format.ts';
import { TimmConfigFile, withModelType } from './config-file.ts';
import { TimmViTEncoder } from './model.ts';

/**
 * timm's `VisionTransformer`: images [batch, channels, height, width] to logits [batch, labels]. It opens and writes timm's own folders; the weights of queries,
 * keys and values are one parameter as there.
 *
 * @example
 * using model = await TimmViT.fromPretrained('timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k');
 * const logits = model.call(images);
 */
export class TimmViT extends PretrainedModel<[images: Tensor4D], Tensor, TimmViTConfig> {
  readonly config: TimmViTConfig;
  readonly format: typeof TIMM_VIT = TIMM_VIT;
  encoder: TimmViTEncoder;
  /** The final norm, where it comes after pooling. */
  norm: LayerNorm | undefined;
  readonly dropout: Dropout;
  head: Linear | undefined;
  #file: TimmConfigFile | undefined;
  #metadata: ReadonlyMap<string, string> | undefined;

  constructor(options: TimmViTOptions, init: InitOptions = {}) {
    super();
    this.config = timmViTConfig(options);
    const { dim, labels, finalNorm, normAfterPooling, normEpsilon, dropout } = this.config;
    this.encoder = new TimmViTEncoder(this.config, initStream(init, 'init'));
    this.norm = finalNorm && normAfterPooling ? new LayerNorm({ dim, epsilon: normEpsilon }) : undefined;
    this.dropout = new Dropout(dropout);
    this.head =
      labels.length > 0
        ? new Linear({
            inDim: dim,
            outDim: labels.length,
            init: truncatedNormal(0.02),
            random: initStream(init, 'head-init'),
          })
        : undefined;
  }

  /** Without labels [batch, dim]; without pooling [batch, tokens, ...]. */
  protected override forward(images: Tensor4D): Tensor {
    const pooled = this.dropout.call(this.pool(this.encoder.call(images)));
    return this.head?.call(pooled) ?? pooled;
  }

  /** What the head takes, out of the encoder's features [batch, tokens, dim]: [batch, dim], or all tokens where there is no pooling. */
  pool(features: Tensor3D): Tensor {
    return tidy(() => {
      const pooled = poolTokens(features, this.config);
      return this.norm?.call(pooled) ?? pooled.clone();
    });
  }

  /** The mean cross-entropy, in nats. */
  loss(images: Tensor4D, { labels }: { /** int32 [batch] */ labels: Tensor1D }): Scalar {
    return tidy(() => crossEntropy(this.call(images) as Tensor2D, labels));
  }

  /**
   * Writes config.json and model.safetensors as timm's `save_for_hf` does; what was loaded and not changed comes out as the same bytes. One file of
   * weights, whatever `maxShardBytes` says: timm reads no shards.
   */
  override async savePretrained(
    target: string | Map<string, Uint8Array> | FolderTarget,
    { dtype }: SaveOptions = {},
  ): Promise<void> {
    const folder = openTarget(target);
    const files = new Map<string, Uint8Array>();
    await super.savePretrained(files, dtype ? { dtype } : {});
    const { tensors } = parseSafetensors(files.get('model.safetensors') as Uint8Array);
    await folder.write('config.json', TimmConfigFile.contentFor(this.config, this.#file));
    await folder.write('model.safetensors', serializeSafetensors(tensors, { metadata: this.#metadata }));
  }

  /** Opens a timm folder: a path, a URL or a hub name such as `timm/vit_base_patch16_224.augreg2_in21k_ft_in1k`. */
  static async fromPretrained(location: FolderLocation, options: PretrainedOptions = {}): Promise<TimmViT> {
    const folder = await openFolder(location, options);
    const file = await TimmConfigFile.read(folder);
    const { metadata } = await openCheckpoint(folder, options);
    const model = await loadPretrained(withModelType(folder, file), {
      format: TIMM_VIT,
      create: (config, init) => new TimmViT(config, init),
      options,
    });
    model.#file = file;
    model.#metadata = metadata.size > 0 ? metadata : undefined;
    return model;
  }
}

function poolTokens(features: Tensor3D, config: TimmViTConfig): Tensor {
  const { pooling, poolPrefix } = config;
  if (pooling === 'none') return features;
  if (pooling === 'token') return tokenOf(features);
  const tokens = poolPrefix ? features : tokensFrom(features, numPrefixTokens(config)); // [batch, pooled tokens, dim]
  if (pooling === 'avg') return mean(tokens, 1);
  if (pooling === 'max') return max(tokens, 1);
  return mul(add(mean(tokens, 1), max(tokens, 1)), 0.5); // [batch, dim]
}
