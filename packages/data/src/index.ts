export { checkIds } from './check-ids.ts';
export { DataError, type DataErrorCode } from './errors.ts';
export { readTexts, type TextFile } from './read-texts.ts';
export { shuffledIndices } from './shuffle.ts';
export { splitItems, type SplitOptions } from './split.ts';

export type { FileSource } from './rows/data-file.ts';
export type { RowFormat } from './rows/formats.ts';
export { readRows } from './rows/read-rows.ts';
export { Row } from './rows/row.ts';
export { openRows, type ReadRowsOptions, RowStream } from './rows/row-stream.ts';

export {
  classificationItems,
  type ClassificationOptions,
  type ClassifiedText,
  type ProblemType,
} from './tasks/classification.ts';
export { pairItems, pairLines, type PairOptions, type TextPair } from './tasks/pairs.ts';
export { type AnsweredQuestion, questionItems, type QuestionOptions } from './tasks/questions.ts';
export { type TaggedWords, taggingItems, type TaggingOptions } from './tasks/tagging.ts';

export type { BatchesIdentity, BatchesState } from './batches/batch-options.ts';
export { Batches, type BatchesOptions, evaluationBatches, type GroupingOptions } from './batches/batches.ts';
export { type Collator, Draws } from './batches/collator.ts';
export type { PaddingOptions } from './batches/pad.ts';
export type { Encode, Place } from './batches/encoded-rows.ts';
export type { RowSource } from './batches/row-cursor.ts';
export { StreamBatches, type StreamBatchesOptions } from './batches/stream-batches.ts';
export { type BatchFacts, type TensorBatch, tensorBatch } from './batches/tensor-batch.ts';

export {
  type CausalExample,
  type CausalLanguageBatch,
  causalLanguageModel,
} from './objectives/causal-language-model.ts';
export { denoising, type DenoisingOptions } from './objectives/denoising.ts';
export type { LengthOptions } from './objectives/fit.ts';
export { type ImageMaskOptions, maskedPatches, maskingNoise } from './objectives/image-masks.ts';
export { type JoinedSentences, joinSentences, type JoinSentencesOptions } from './objectives/join-sentences.ts';
export {
  bertPreTraining,
  type BertPreTrainingBatch,
  type MaskedLanguageBatch,
  maskedLanguageModel,
  type MaskedLanguageModelOptions,
  type SentencePair,
} from './objectives/masked-language-model.ts';
export { type NextSentenceOptions, nextSentencePairs, splitSentences } from './objectives/next-sentence.ts';
export type { NoiseText } from './objectives/noise.ts';
export {
  encodeQuestions,
  questionAnswering,
  type QuestionAnsweringBatch,
  type QuestionWindow,
} from './objectives/question-answering.ts';
export {
  encodePairs,
  type EncodePairsOptions,
  sequenceToSequence,
  type SequenceToSequenceBatch,
  type SequenceToSequenceOptions,
  type SequencePair,
} from './objectives/sequence-to-sequence.ts';
export {
  spanCorruption,
  spanCorruptionLengths,
  type SpanCorruptionOptions,
  type SpanOptions,
} from './objectives/span-corruption.ts';
export {
  encodeTexts,
  type LabelledTokens,
  textClassification,
  type TextClassificationBatch,
  type TextClassificationOptions,
} from './objectives/text-classification.ts';
export {
  encodeTags,
  type TaggedTokens,
  tokenClassification,
  type TokenClassificationBatch,
  type TokenClassificationOptions,
} from './objectives/token-classification.ts';
export type { EncoderTensors, TokenExample } from './objectives/token-example.ts';
export { type Pack, packedLanguageModel, type PackedBatch, packExamples, packingMask } from './packing/pack.ts';
export { type Packer, textPacker, windowPacker } from './packing/packer.ts';

export { IGNORED_LABEL, TokenBatch } from './token-batch.ts';
export {
  type Sampling,
  TokenBatches,
  type TokenBatchesIdentity,
  type TokenBatchesOptions,
  type TokenBatchesState,
} from './token-batches.ts';
export { TokenWindows, type TokenWindowsOptions } from './token-windows.ts';
