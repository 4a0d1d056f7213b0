export type { AttentionMask } from '@formers/attention';
export { BERT_PRESETS, type BertConfig, bertConfig, type BertOptions, type BertPreset } from './bert/config.ts';
export {
  BertForMaskedLM,
  BertForMultipleChoice,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
} from './bert/heads.ts';
export { bertConfigFromHuggingFace } from './bert/hf.ts';
export {
  BertEncoder,
  BertLayer,
  type BertLayerConfig,
  BertModel,
  type BertOutput,
  type PoolerOption,
} from './bert/model.ts';
export { BertForNextSentencePrediction, BertForPreTraining, type BertPreTrainingLogits } from './bert/next-sentence.ts';
export {
  DISTILBERT_PRESETS,
  type DistilBertConfig,
  distilBertConfig,
  type DistilBertOptions,
  type DistilBertPreset,
} from './distilbert/config.ts';
export {
  DistilBertForMaskedLM,
  DistilBertForMultipleChoice,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
} from './distilbert/heads.ts';
export { distilBertConfigFromHuggingFace } from './distilbert/hf.ts';
export { DistilBertEncoder, DistilBertModel } from './distilbert/model.ts';
export { FirstTokenPooler, type FirstTokenPoolerConfig } from './heads/first-token-pooler.ts';
export { MaskedLanguageHead, type MaskedLanguageHeadConfig } from './heads/masked-language-head.ts';
export { MaskedLanguageModel } from './heads/masked-language-model.ts';
export { type ChoiceOptions, MultipleChoice } from './heads/multiple-choice.ts';
export { QuestionAnswerer } from './heads/question-answerer.ts';
export { type ClassifierConfig, SequenceClassifier } from './heads/sequence-classifier.ts';
export type { EncoderOptions, SegmentedOptions, TextEncoder } from './heads/text-encoder.ts';
export { TokenClassifier } from './heads/token-classifier.ts';
export {
  ROBERTA_PRESETS,
  type RobertaConfig,
  robertaConfig,
  type RobertaOptions,
  type RobertaPreset,
} from './roberta/config.ts';
export {
  RobertaForMaskedLM,
  RobertaForMultipleChoice,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from './roberta/heads.ts';
export { robertaConfigFromHuggingFace } from './roberta/hf.ts';
export { RobertaEncoder, RobertaModel } from './roberta/model.ts';
