import {
  type InitOptions,
  initStream,
  loadPretrained,
  type PretrainedFormat,
  type PretrainedOptions,
} from '@formers/nn';
import type { FolderLocation } from '@formers/checkpoints';

import { MaskedLanguageHead } from '../heads/masked-language-head.ts';
import { MaskedLanguageModel } from '../heads/masked-language-model.ts';
import { MultipleChoice } from '../heads/multiple-choice.ts';
import { QuestionAnswerer } from '../heads/question-answerer.ts';
import { SequenceClassifier } from '../heads/sequence-classifier.ts';
import type { SegmentedOptions } from '../heads/text-encoder.ts';
import { TokenClassifier } from '../heads/token-classifier.ts';
import { type BertConfig, bertConfig, type BertOptions } from './config.ts';
import {
  BERT_MASKED_LANGUAGE_MODEL,
  BERT_MULTIPLE_CHOICE,
  BERT_QUESTION_ANSWERER,
  BERT_SEQUENCE_CLASSIFIER,
  BERT_TOKEN_CLASSIFIER,
} from './hf.ts';
import { BertEncoder, bertPooler } from './model.ts';

/**
 * BERT that fills in masked words: ids [batch, seq] to logits [batch, seq, vocab].
 *
 * @example
 * using model = new BertForMaskedLM({ vocabSize: 30522, ...BERT_PRESETS['bert-tiny'] }, { seed: 1 });
 * const loss = model.loss(masked, { targets }); // -100 where no word was masked
 */
export class BertForMaskedLM extends MaskedLanguageModel<BertConfig, SegmentedOptions, BertEncoder> {
  readonly format: PretrainedFormat<BertConfig> = BERT_MASKED_LANGUAGE_MODEL;

  constructor(options: BertOptions, init: InitOptions = {}) {
    const config = bertConfig(options);
    super(config, { encoder: new BertEncoder(config, initStream(init)), head: bertWords(config, init) });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BertForMaskedLM> {
    return loadPretrained(location, {
      format: BERT_MASKED_LANGUAGE_MODEL,
      create: (config, init) => new BertForMaskedLM(config, init),
      options,
    });
  }
}

/** BERT's masked language head. */
export function bertWords(config: BertConfig, init: InitOptions): MaskedLanguageHead {
  const { vocabSize, dim, activation, normEpsilon, initStd, tieEmbeddings: tied } = config;
  const random = initStream(init, 'head-init');
  return new MaskedLanguageHead({ vocabSize, dim, activation, normEpsilon, tied, ownBias: true, initStd, random });
}

/** BERT that classifies sequences: ids [batch, seq] to logits [batch, labels]. */
export class BertForSequenceClassification extends SequenceClassifier<BertConfig, SegmentedOptions, BertEncoder> {
  readonly format: PretrainedFormat<BertConfig> = BERT_SEQUENCE_CLASSIFIER;

  constructor(options: BertOptions, init: InitOptions = {}) {
    const config = bertConfig(options);
    super(config, {
      encoder: new BertEncoder(config, initStream(init)),
      pooler: bertPooler(config, init),
      dropout: config.classifierDropout ?? config.dropout,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BertForSequenceClassification> {
    return loadPretrained(location, {
      format: BERT_SEQUENCE_CLASSIFIER,
      create: (config, init) => new BertForSequenceClassification(config, init),
      options,
    });
  }
}

/** BERT that picks one of several texts: ids [batch, choices, seq] to logits [batch, choices]. */
export class BertForMultipleChoice extends MultipleChoice<BertConfig, SegmentedOptions, BertEncoder> {
  readonly format: PretrainedFormat<BertConfig> = BERT_MULTIPLE_CHOICE;

  constructor(options: BertOptions, init: InitOptions = {}) {
    const config = bertConfig(options);
    super(config, {
      encoder: new BertEncoder(config, initStream(init)),
      pooler: bertPooler(config, init),
      dropout: config.classifierDropout ?? config.dropout,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BertForMultipleChoice> {
    return loadPretrained(location, {
      format: BERT_MULTIPLE_CHOICE,
      create: (config, init) => new BertForMultipleChoice(config, init),
      options,
    });
  }
}

/** BERT that classifies each token: ids [batch, seq] to logits [batch, seq, labels]. */
export class BertForTokenClassification extends TokenClassifier<BertConfig, SegmentedOptions, BertEncoder> {
  readonly format: PretrainedFormat<BertConfig> = BERT_TOKEN_CLASSIFIER;

  constructor(options: BertOptions, init: InitOptions = {}) {
    const config = bertConfig(options);
    super(config, {
      encoder: new BertEncoder(config, initStream(init)),
      dropout: config.classifierDropout ?? config.dropout,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BertForTokenClassification> {
    return loadPretrained(location, {
      format: BERT_TOKEN_CLASSIFIER,
      create: (config, init) => new BertForTokenClassification(config, init),
      options,
    });
  }
}

/** BERT that finds answers in a text: ids [batch, seq] to logits of the first and the last token. */
export class BertForQuestionAnswering extends QuestionAnswerer<BertConfig, SegmentedOptions, BertEncoder> {
  readonly format: PretrainedFormat<BertConfig> = BERT_QUESTION_ANSWERER;

  constructor(options: BertOptions, init: InitOptions = {}) {
    const config = bertConfig(options);
    super(config, {
      encoder: new BertEncoder(config, initStream(init)),
      dropout: 0,
      random: initStream(init, 'head-init'),
    });
  }

  /** Opens a Hugging Face folder: a path, a URL or a hub name. */
  static fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<BertForQuestionAnswering> {
    return loadPretrained(location, {
      format: BERT_QUESTION_ANSWERER,
      create: (config, init) => new BertForQuestionAnswering(config, init),
      options,
    });
  }
}
