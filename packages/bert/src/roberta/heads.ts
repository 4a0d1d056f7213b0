import {
  type InitOptions,
  initStream,
  loadPretrained,
  type PretrainedFormat,
  type PretrainedOptions,
} from '@formers/nn';
import type { FolderLocation } from '@formers/checkpoints';

import { bertPooler } from '../bert/model.ts';
import { FirstTokenPooler } from '../heads/first-token-pooler.ts';
import { MaskedLanguageHead } from '../heads/masked-language-head.ts';
import { MaskedLanguageModel } from '../heads/masked-language-model.ts';
import { MultipleChoice } from '../heads/multiple-choice.ts';
import { QuestionAnswerer } from '../heads/question-answerer.ts';
import { SequenceClassifier } from '../heads/sequence-classifier.ts';
import type { SegmentedOptions } from '../heads/text-encoder.ts';
import { TokenClassifier } from '../heads/token-classifier.ts';
import { type RobertaConfig, robertaConfig, type RobertaOptions } from './config.ts';
import {
  ROBERTA_MASKED_LANGUAGE_MODEL,
  ROBERTA_MULTIPLE_CHOICE,
  ROBERTA_QUESTION_ANSWERER,
  ROBERTA_SEQUENCE_CLASSIFIER,
  ROBERTA_TOKEN_CLASSIFIER,
} from './hf.ts';
import { RobertaEncoder } from './model.ts';

/**
 * RoBERTa that fills in masked words: ids [batch, seq] to logits [batch, seq, vocab].
 *
 * @example
 * using model = new RobertaForMaskedLM({ vocabSize: 50265, ...ROBERTA_PRESETS['roberta-base'] }, { seed: 1 });
 * const loss = model.loss(masked, { targets }); // -100 where no word was masked
 */
export class RobertaForMaskedLM extends MaskedLanguageModel<RobertaConfig, SegmentedOptions, RobertaEncoder> {
  readonly format: PretrainedFormat<RobertaConfig> = ROBERTA_MASKED_LANGUAGE_MODEL;

  constructor(options: RobertaOptions, init: InitOptions = {}) {
    const config = robertaConfig(options);
    const { vocabSize, dim, normEpsilon, initStd, tieEmbeddings: tied } = config;
    super(config, {
      encoder: new RobertaEncoder(config, initStream(init)),
      head: new MaskedLanguageHead({
        vocabSize,
        dim,
        activation: 'gelu', // whatever the layers have
        normEpsilon,
        tied,
        ownBias: true,
        initStd,
        random: initStream(init, 'head-init'),
      }),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<RobertaForMaskedLM> {
    return loadPretrained(location, {
      format: ROBERTA_MASKED_LANGUAGE_MODEL,
      create: (config, init) => new RobertaForMaskedLM(config, init),
      options,
    });
  }
}

/** RoBERTa that classifies sequences: ids [batch, seq] to logits [batch, labels]. */
export class RobertaForSequenceClassification extends SequenceClassifier<
  RobertaConfig,
  SegmentedOptions,
  RobertaEncoder
> {
  readonly format: PretrainedFormat<RobertaConfig> = ROBERTA_SEQUENCE_CLASSIFIER;

  constructor(options: RobertaOptions, init: InitOptions = {}) {
    const config = robertaConfig(options);
    const { dim, initStd, dropout, classifierDropout = dropout } = config;
    const random = initStream(init, 'head-init');
    super(config, {
      encoder: new RobertaEncoder(config, initStream(init)),
      pooler: new FirstTokenPooler({ dim, activation: 'tanh', dropout: classifierDropout, initStd, random }),
      dropout: classifierDropout,
      random,
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(
    location: FolderLocation,
    options?: PretrainedOptions,
  ): Promise<RobertaForSequenceClassification> {
    return loadPretrained(location, {
      format: ROBERTA_SEQUENCE_CLASSIFIER,
      create: (config, init) => new RobertaForSequenceClassification(config, init),
      options,
    });
  }
}

/** RoBERTa that picks one of several texts: ids [batch, choices, seq] to logits [batch, choices]. */
export class RobertaForMultipleChoice extends MultipleChoice<RobertaConfig, SegmentedOptions, RobertaEncoder> {
  readonly format: PretrainedFormat<RobertaConfig> = ROBERTA_MULTIPLE_CHOICE;

  constructor(options: RobertaOptions, init: InitOptions = {}) {
    const config = robertaConfig(options);
    super(config, {
      encoder: new RobertaEncoder(config, initStream(init)),
      pooler: bertPooler(config, init),
      dropout: config.dropout,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<RobertaForMultipleChoice> {
    return loadPretrained(location, {
      format: ROBERTA_MULTIPLE_CHOICE,
      create: (config, init) => new RobertaForMultipleChoice(config, init),
      options,
    });
  }
}

/** RoBERTa that classifies each token: ids [batch, seq] to logits [batch, seq, labels]. */
export class RobertaForTokenClassification extends TokenClassifier<RobertaConfig, SegmentedOptions, RobertaEncoder> {
  readonly format: PretrainedFormat<RobertaConfig> = ROBERTA_TOKEN_CLASSIFIER;

  constructor(options: RobertaOptions, init: InitOptions = {}) {
    const config = robertaConfig(options);
    super(config, {
      encoder: new RobertaEncoder(config, initStream(init)),
      dropout: config.classifierDropout ?? config.dropout,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<RobertaForTokenClassification> {
    return loadPretrained(location, {
      format: ROBERTA_TOKEN_CLASSIFIER,
      create: (config, init) => new RobertaForTokenClassification(config, init),
      options,
    });
  }
}

/** RoBERTa that finds answers in a text: ids [batch, seq] to logits of the first and the last token. */
export class RobertaForQuestionAnswering extends QuestionAnswerer<RobertaConfig, SegmentedOptions, RobertaEncoder> {
  readonly format: PretrainedFormat<RobertaConfig> = ROBERTA_QUESTION_ANSWERER;

  constructor(options: RobertaOptions, init: InitOptions = {}) {
    const config = robertaConfig(options);
    super(config, {
      encoder: new RobertaEncoder(config, initStream(init)),
      dropout: 0,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<RobertaForQuestionAnswering> {
    return loadPretrained(location, {
      format: ROBERTA_QUESTION_ANSWERER,
      create: (config, init) => new RobertaForQuestionAnswering(config, init),
      options,
    });
  }
}
