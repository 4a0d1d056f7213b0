import { crossEntropy } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import {
  type InitOptions,
  initStream,
  Linear,
  loadPretrained,
  normal,
  PretrainedModel,
  type PretrainedOptions,
} from '@formers/nn';
import { add, type Scalar, type Tensor1D, type Tensor2D, type Tensor3D, tidy } from '@tensorflow/tfjs-core';

import type { FirstTokenPooler } from '../heads/first-token-pooler.ts';
import type { MaskedLanguageHead } from '../heads/masked-language-head.ts';
import type { SegmentedOptions } from '../heads/text-encoder.ts';
import { type BertConfig, bertConfig, type BertOptions } from './config.ts';
import { bertWords } from './heads.ts';
import { BERT_NEXT_SENTENCE, BERT_PRE_TRAINING } from './hf.ts';
import { BertEncoder, bertPooler } from './model.ts';

/** BERT that tells whether its second segment follows the first (BERT, section 3.1, task 2): ids [batch, seq] to logits [batch, 2]; class 0 = it does. */
export class BertForNextSentencePrediction extends PretrainedModel<
  [ids: Tensor2D, options?: SegmentedOptions],
  Tensor2D,
  BertConfig
> {
  readonly config: BertConfig;
  readonly format: typeof BERT_NEXT_SENTENCE = BERT_NEXT_SENTENCE;
  encoder: BertEncoder;
  pooler: FirstTokenPooler;
  head: Linear<Tensor2D>;

  constructor(options: BertOptions, init: InitOptions = {}) {
    super();
    this.config = bertConfig(options);
    this.encoder = new BertEncoder(this.config, initStream(init));
    this.pooler = bertPooler(this.config, init);
    this.head = nextSentenceHead(this.config, init);
  }

  protected override forward(ids: Tensor2D, options?: SegmentedOptions): Tensor2D {
    return this.head.call(this.pooler.call(this.encoder.call(ids, options))); // [batch, 2]
  }

  /**
   * Cross-entropy, in nats.
   *
   * @param options.labels int32 [batch], 0 = the second segment follows, 1 = it is a random one
   */
  loss(ids: Tensor2D, options: SegmentedOptions & { labels: Tensor1D }): Scalar {
    return tidy(() => crossEntropy(this.call(ids, options), options.labels));
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BertForNextSentencePrediction> {
    return loadPretrained(location, {
      format: BERT_NEXT_SENTENCE,
      create: (config, init) => new BertForNextSentencePrediction(config, init),
      options,
    });
  }
}

/** What {@link BertForPreTraining} predicts. */
export interface BertPreTrainingLogits {
  /** Of the words, [batch, seq, vocab]. */
  wordLogits: Tensor3D;
  /** Of whether the second segment follows the first, [batch, 2]; class 0 = it does. */
  nextSentenceLogits: Tensor2D;
}

/** BERT as it is pre-trained, with masked words and next sentences (section 3.1). */
export class BertForPreTraining extends PretrainedModel<
  [ids: Tensor2D, options?: SegmentedOptions],
  BertPreTrainingLogits,
  BertConfig
> {
  readonly config: BertConfig;
  readonly format: typeof BERT_PRE_TRAINING = BERT_PRE_TRAINING;
  encoder: BertEncoder;
  pooler: FirstTokenPooler;
  head: MaskedLanguageHead;
  nextSentence: Linear<Tensor2D>;

  constructor(options: BertOptions, init: InitOptions = {}) {
    super();
    this.config = bertConfig(options);
    this.encoder = new BertEncoder(this.config, initStream(init));
    this.pooler = bertPooler(this.config, init);
    this.head = bertWords(this.config, init);
    this.nextSentence = nextSentenceHead(this.config, init);
  }

  protected override forward(ids: Tensor2D, options?: SegmentedOptions): BertPreTrainingLogits {
    const x = this.encoder.call(ids, options); // [batch, seq, dim]
    return {
      wordLogits: this.head.call(x, this.encoder.tokens.weight), // [batch, seq, vocab]
      nextSentenceLogits: this.nextSentence.call(this.pooler.call(x)), // [batch, 2]
    };
  }

  /**
   * The sum of both cross-entropies, in nats per masked token and per sequence.
   *
   * @param ids int32 [batch, seq], with some tokens masked
   * @param options.targets int32 [batch, seq], the tokens that were there; -100 = don't count
   * @param options.labels int32 [batch], 0 = the second segment follows, 1 = it is a random one
   */
  loss(ids: Tensor2D, options: SegmentedOptions & { targets: Tensor2D; labels: Tensor1D }): Scalar {
    return tidy(() => {
      const x = this.encoder.call(ids, options); // [batch, seq, dim]
      const words = this.head.loss(x, { tokens: this.encoder.tokens.weight, targets: options.targets });
      return add(words, crossEntropy(this.nextSentence.call(this.pooler.call(x)), options.labels));
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BertForPreTraining> {
    return loadPretrained(location, {
      format: BERT_PRE_TRAINING,
      create: (config, init) => new BertForPreTraining(config, init),
      options,
    });
  }
}

function nextSentenceHead({ dim, initStd }: BertConfig, init: InitOptions): Linear<Tensor2D> {
  return new Linear({ inDim: dim, outDim: 2, init: normal(initStd), random: initStream(init, 'next-sentence-init') });
}
