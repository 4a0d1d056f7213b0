import { type CrossEntropyOptions, linear, linearCrossEntropy } from '@formers/backend';
import { type FolderLocation, type FolderSource, openCheckpoint, openFolder, readJson } from '@formers/checkpoints';
import {
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { mul, type Scalar, slice, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import type { T5Config, T5Options } from './config.ts';
import { T5_CONDITIONAL_GENERATION, t5ConfigFromHuggingFace } from './hf.ts';
import { type T5CallOptions, type T5DecodeOptions, type T5EncodeOptions, T5Model } from './model.ts';

/** What the loss is told besides the source. */
export interface T5LossOptions
  extends Pick<T5CallOptions, 'attentionMask'>, Pick<CrossEntropyOptions, 'labelSmoothing' | 'reduction'> {
  /** int32 [batch, targetSeq], what the decoder is to write; -100 = don't count. */
  targets: Tensor2D;
  /** int32 [batch, targetSeq], what the decoder reads; default the targets moved right behind the start token. */
  decoderIds?: Tensor2D | undefined;
  /** Of what the decoder reads: [batch, targetSeq], 1 = token, 0 = padding; default no padding. */
  decoderAttentionMask?: Tensor2D | undefined;
}

/**
 * T5 that writes text (Raffel et al. 2020; v1.1 and Flan-T5 by their options): ids of the source [batch, seq] and of the target to the logits of each next
 * token, [batch, targetSeq, vocab].
 *
 * @example
 * using model = new T5({ vocabSize: 80, ...T5_PRESETS.testing }, { seed: 1 });
 * const loss = model.loss(ids, { targets, attentionMask });
 */
export class T5 extends PretrainedModel<[ids: Tensor2D, options: T5CallOptions], Tensor3D, T5Config> {
  readonly format: typeof T5_CONDITIONAL_GENERATION = T5_CONDITIONAL_GENERATION;
  model: T5Model;
  /** The output projection, where it isn't the token embedding. */
  head: Linear<Tensor3D> | undefined;

  constructor(options: T5Options, init: InitOptions = {}) {
    super();
    this.model = new T5Model(options, init);
    const { dim, vocabSize, initFactor, tieEmbeddings } = this.config;
    const random = initStream(init, 'head-init');
    this.head = tieEmbeddings
      ? undefined
      : new Linear({ inDim: dim, outDim: vocabSize, bias: false, init: normal(initFactor / Math.sqrt(dim)), random });
  }

  get config(): T5Config {
    return this.model.config;
  }

  protected override forward(ids: Tensor2D, options: T5CallOptions): Tensor3D {
    return this.#logits(this.model.call(ids, options)); // [batch, targetSeq, vocab]
  }

  /** The encoder alone: ids of the source [batch, seq] to its states [batch, seq, dim]. */
  encode(ids: Tensor2D, options?: T5EncodeOptions): Tensor3D {
    return this.model.encode(ids, options);
  }

  /**
   * The decoder alone: ids of the target to the logits of each next token, [batch, targetSeq, vocab].
   *
   * @param options.lastOnly Whether only the logits of the last position are wanted: [batch, 1, vocab].
   */
  decode(decoderIds: Tensor2D, { lastOnly = false, ...options }: T5DecodeOptions & { lastOnly?: boolean }): Tensor3D {
    return tidy(() => {
      const x = this.model.decode(decoderIds, options); // [batch, targetSeq, dim]
      const [batch, seq, dim] = x.shape;
      return this.#logits(lastOnly ? slice(x, [0, seq - 1, 0], [batch, 1, dim]) : x);
    });
  }

  /** Cross-entropy of the targets, in nats per token. Never holds all logits where the engine can do without. */
  loss(ids: Tensor2D, { targets, attentionMask, decoderIds, decoderAttentionMask, ...options }: T5LossOptions): Scalar {
    return tidy(() => {
      const given = decoderIds ?? this.model.shiftRight(targets);
      const x = this.model.call(ids, { decoderIds: given, attentionMask, decoderAttentionMask }); // [batch, targetSeq, dim]
      return linearCrossEntropy(this.#scaled(x), this.#outputWeight, { labels: targets, ...options });
    });
  }

  #logits(x: Tensor3D): Tensor3D {
    return linear(this.#scaled(x), this.#outputWeight);
  }

  #scaled(x: Tensor3D): Tensor3D {
    const { scaleOutputs, dim } = this.config;
    return scaleOutputs ? mul(x, 1 / Math.sqrt(dim)) : x;
  }

  get #outputWeight(): Tensor2D {
    return this.head?.adaptedWeight ?? this.model.tokens.weight; // [vocab, dim]
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static async fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<T5> {
    const folder = await openFolder(location, options);
    const tieEmbeddings = await isHeadTied(folder, options);
    return loadPretrained(folder, {
      format: T5_CONDITIONAL_GENERATION,
      create: (config, init) => new T5({ ...config, tieEmbeddings }, init),
      options,
    });
  }
}

/** Whether the output projection is the token embedding: a head in the file wins over the config, unless it is a copy. */
async function isHeadTied(folder: FolderSource, options: PretrainedOptions = {}): Promise<boolean> {
  const checkpoint = await openCheckpoint(folder, options);
  if (!checkpoint.has('lm_head.weight')) return true;
  const { tieEmbeddings } = t5ConfigFromHuggingFace(await readJson(folder, 'config.json'));
  if (!tieEmbeddings || !checkpoint.has('shared.weight')) return false;
  const [head, tokens] = [await checkpoint.read('lm_head.weight'), await checkpoint.read('shared.weight')];
  return head.bytes.length === tokens.bytes.length && head.bytes.every((byte, i) => byte === tokens.bytes[i]);
}
