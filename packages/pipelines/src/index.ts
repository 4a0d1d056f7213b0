export { type AnyConfig, AutoConfig, type FoundConfig } from './auto/auto-config.ts';
export { AutoImageProcessor } from './auto/auto-image-processor.ts';
export type { AutoModelClass } from './auto/auto-model.ts';
export { AutoTokenizer } from './auto/auto-tokenizer.ts';
export { type AnyModel, AutoModel } from './auto/base.ts';
export { type AnyCausalLM, AutoModelForCausalLM } from './auto/causal-lm.ts';
export { type AnyImageClassifier, AutoModelForImageClassification } from './auto/image-classification.ts';
export { type AnyMaskedImageModel, AutoModelForMaskedImageModeling } from './auto/masked-image-modeling.ts';
export { type AnyMaskedLM, AutoModelForMaskedLM } from './auto/masked-lm.ts';
export { type AnyMultipleChoice, AutoModelForMultipleChoice } from './auto/multiple-choice.ts';
export { AutoModelForNextSentencePrediction } from './auto/next-sentence-prediction.ts';
export { type AnyPreTraining, AutoModelForPreTraining } from './auto/pre-training.ts';
export { type AnyQuestionAnswerer, AutoModelForQuestionAnswering } from './auto/question-answering.ts';
export { type AnySeq2SeqLM, AutoModelForSeq2SeqLM } from './auto/seq2seq-lm.ts';
export { type AnySequenceClassifier, AutoModelForSequenceClassification } from './auto/sequence-classification.ts';
export { type AnyTextEncoder, AutoModelForTextEncoding } from './auto/text-encoding.ts';
export { type AnyTokenClassifier, AutoModelForTokenClassification } from './auto/token-classification.ts';
export { type KnownTasks, knownTasksOf } from './known-tasks-of.ts';
export { knownTasks, pipeline, type PipelineOptions, type Pipelines, type TaskName } from './pipeline.ts';
export type { CallOptions, CallProgress } from './run-batches.ts';
export type { ScoreFunction } from './scores.ts';
export type { LabelOptions, LabelScore } from './tasks/classify.ts';
export type { AggregationStrategy } from './tasks/entities/aggregate.ts';
export type { EntityGroup, TokenEntity } from './tasks/entities/entity.ts';
export {
  featureExtraction,
  type FeatureExtractionOptions,
  type FeatureExtractionPipeline,
  type FeatureModel,
} from './tasks/feature-extraction.ts';
export { Features } from './tasks/features.ts';
export {
  type FilledMask,
  fillMask,
  type FillMaskOptions,
  type FillMaskPipeline,
  type MaskFiller,
} from './tasks/fill-mask.ts';
export {
  imageClassification,
  type ImageClassificationOptions,
  type ImageClassificationPipeline,
  type ImageClassifierModel,
  type ImageInput,
} from './tasks/image-classification.ts';
export {
  type Answer,
  type AnswerFinder,
  type Answers,
  questionAnswering,
  type QuestionAnsweringOptions,
  type QuestionAnsweringPipeline,
} from './tasks/question-answering.ts';
export type { Pipeline, TextParts, TextPipeline } from './tasks/task.ts';
export {
  type Text2TextModel,
  text2textGeneration,
  type Text2TextOptions,
  type Text2TextPipeline,
  type Text2TextStreamOptions,
  type Text2TextTask,
  type WrittenText,
} from './tasks/text2text-generation.ts';
export {
  type ClassifiedText,
  type LabelsOfTexts,
  textClassification,
  type TextClassificationOptions,
  type TextClassificationPipeline,
  type TextClassifier,
} from './tasks/text-classification.ts';
export {
  type GeneratedChat,
  type GeneratedText,
  type Prompt,
  textGeneration,
  type TextGenerationOptions,
  type TextGenerationPipeline,
  type TextStreamOptions,
  type TextWriter,
} from './tasks/text-generation.ts';
export {
  type Entities,
  tokenClassification,
  type TokenClassificationOptions,
  type TokenClassificationPipeline,
  type TokenClassifier,
} from './tasks/token-classification.ts';
export {
  zeroShotClassification,
  type ZeroShotClassificationPipeline,
  type ZeroShotOptions,
  type ZeroShotResult,
} from './tasks/zero-shot-classification.ts';
export type { ReadingConfig, ReadingModel, ReadingOptions } from './text/reading-model.ts';
export type { ChatMessage, ChatOptions } from './writing/chat.ts';
export type { WritingModel } from './writing/generation-defaults.ts';
