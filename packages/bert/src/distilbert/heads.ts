import type { RandomStream } from '@formers/backend';
import {
  type InitOptions,
  initStream,
  loadPretrained,
  type PretrainedFormat,
  type PretrainedOptions,
} from '@formers/nn';
import type { FolderLocation } from '@formers/checkpoints';

import { FirstTokenPooler } from '../heads/first-token-pooler.ts';
import { MaskedLanguageHead } from '../heads/masked-language-head.ts';
import { MaskedLanguageModel } from '../heads/masked-language-model.ts';
import { MultipleChoice } from '../heads/multiple-choice.ts';
import { QuestionAnswerer } from '../heads/question-answerer.ts';
import { SequenceClassifier } from '../heads/sequence-classifier.ts';
import type { EncoderOptions } from '../heads/text-encoder.ts';
import { TokenClassifier } from '../heads/token-classifier.ts';
import { type DistilBertConfig, distilBertConfig, type DistilBertOptions } from './config.ts';
import {
  DISTILBERT_MASKED_LANGUAGE_MODEL,
  DISTILBERT_MULTIPLE_CHOICE,
  DISTILBERT_QUESTION_ANSWERER,
  DISTILBERT_SEQUENCE_CLASSIFIER,
  DISTILBERT_TOKEN_CLASSIFIER,
} from './hf.ts';
import { DistilBertEncoder, NORM_EPSILON } from './model.ts';

/**
 * DistilBERT that fills in masked words: ids [batch, seq] to logits [batch, seq, vocab].
 *
 * @example
 * using model = new DistilBertForMaskedLM({ vocabSize: 30522, ...DISTILBERT_PRESETS['distilbert-base'] }, { seed: 1 });
 * const loss = model.loss(masked, { targets }); // -100 where no word was masked
 */
export class DistilBertForMaskedLM extends MaskedLanguageModel<DistilBertConfig, EncoderOptions, DistilBertEncoder> {
  readonly format: PretrainedFormat<DistilBertConfig> = DISTILBERT_MASKED_LANGUAGE_MODEL;

  constructor(options: DistilBertOptions, init: InitOptions = {}) {
    const config = distilBertConfig(options);
    const { vocabSize, dim, activation, initStd, tieEmbeddings: tied } = config;
    super(config, {
      encoder: new DistilBertEncoder(config, initStream(init)),
      head: new MaskedLanguageHead({
        vocabSize,
        dim,
        activation,
        normEpsilon: NORM_EPSILON,
        tied,
        ownBias: false,
        initStd,
        random: initStream(init, 'head-init'),
      }),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<DistilBertForMaskedLM> {
    return loadPretrained(location, {
      format: DISTILBERT_MASKED_LANGUAGE_MODEL,
      create: (config, init) => new DistilBertForMaskedLM(config, init),
      options,
    });
  }
}

/** The layer on the first token, which classifiers learn: `relu(x₀ Wᵀ + b)`. */
function preClassifier({ dim, initStd }: DistilBertConfig, random: RandomStream | null): FirstTokenPooler {
  return new FirstTokenPooler({ dim, activation: 'relu', initStd, random });
}

/** DistilBERT that classifies sequences: ids [batch, seq] to logits [batch, labels]. */
export class DistilBertForSequenceClassification extends SequenceClassifier<
  DistilBertConfig,
  EncoderOptions,
  DistilBertEncoder
> {
  readonly format: PretrainedFormat<DistilBertConfig> = DISTILBERT_SEQUENCE_CLASSIFIER;

  constructor(options: DistilBertOptions, init: InitOptions = {}) {
    const config = distilBertConfig(options);
    const random = initStream(init, 'head-init');
    super(config, {
      encoder: new DistilBertEncoder(config, initStream(init)),
      pooler: preClassifier(config, random),
      dropout: config.classifierDropout,
      random,
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    options?: PretrainedOptions,
  ): Promise<DistilBertForSequenceClassification> {
    return loadPretrained(location, {
      format: DISTILBERT_SEQUENCE_CLASSIFIER,
      create: (config, init) => new DistilBertForSequenceClassification(config, init),
      options,
    });
  }
}

/** DistilBERT that picks one of several texts: ids [batch, choices, seq] to logits [batch, choices]. */
export class DistilBertForMultipleChoice extends MultipleChoice<DistilBertConfig, EncoderOptions, DistilBertEncoder> {
  readonly format: PretrainedFormat<DistilBertConfig> = DISTILBERT_MULTIPLE_CHOICE;

  constructor(options: DistilBertOptions, init: InitOptions = {}) {
    const config = distilBertConfig(options);
    const random = initStream(init, 'head-init');
    super(config, {
      encoder: new DistilBertEncoder(config, initStream(init)),
      pooler: preClassifier(config, random),
      dropout: config.classifierDropout,
      random,
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<DistilBertForMultipleChoice> {
    return loadPretrained(location, {
      format: DISTILBERT_MULTIPLE_CHOICE,
      create: (config, init) => new DistilBertForMultipleChoice(config, init),
      options,
    });
  }
}

/** DistilBERT that classifies each token: ids [batch, seq] to logits [batch, seq, labels]. */
export class DistilBertForTokenClassification extends TokenClassifier<
  DistilBertConfig,
  EncoderOptions,
  DistilBertEncoder
> {
  readonly format: PretrainedFormat<DistilBertConfig> = DISTILBERT_TOKEN_CLASSIFIER;

  constructor(options: DistilBertOptions, init: InitOptions = {}) {
    const config = distilBertConfig(options);
    super(config, {
      encoder: new DistilBertEncoder(config, initStream(init)),
      dropout: config.dropout,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    options?: PretrainedOptions,
  ): Promise<DistilBertForTokenClassification> {
    return loadPretrained(location, {
      format: DISTILBERT_TOKEN_CLASSIFIER,
      create: (config, init) => new DistilBertForTokenClassification(config, init),
      options,
    });
  }
}

/** DistilBERT that finds answers in a text: ids [batch, seq] to logits of the first and the last token. */
export class DistilBertForQuestionAnswering extends QuestionAnswerer<
  DistilBertConfig,
  EncoderOptions,
  DistilBertEncoder
> {
  readonly format: PretrainedFormat<DistilBertConfig> = DISTILBERT_QUESTION_ANSWERER;

  constructor(options: DistilBertOptions, init: InitOptions = {}) {
    const config = distilBertConfig(options);
    super(config, {
      encoder: new DistilBertEncoder(config, initStream(init)),
      dropout: config.answerDropout,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    options?: PretrainedOptions,
  ): Promise<DistilBertForQuestionAnswering> {
    return loadPretrained(location, {
      format: DISTILBERT_QUESTION_ANSWERER,
      create: (config, init) => new DistilBertForQuestionAnswering(config, init),
      options,
    });
  }
}
