export { type Closeness, expectClose, expectSameBits, type Numbers, valuesOf } from './close.ts';
export { counts, useEngineForTests } from './engine.ts';
export { fixture, hasFixtures, readGoldens } from './goldens.ts';
export { expectGradients, type GradientCheck } from './gradients.ts';
export { expectError, expectNoLeak, expectOwned } from './leaks.ts';
export { randomIds, randomTensor } from './random-tensor.ts';
export {
  type Decoder,
  type DecoderCallOptions,
  type DecoderOptions,
  type DecoderSubject,
  lastHiddenState,
} from './properties/decoder.ts';
export { decoderProperties } from './properties/decoder-properties.ts';
export {
  type Encoder,
  type EncoderOptions,
  type EncoderSubject,
  type HeadModel,
  type HeadSubject,
} from './properties/encoder.ts';
export { encoderProperties } from './properties/encoder-properties.ts';
export {
  type ImageModel,
  type ImageModelOptions,
  type ImageModelSubject,
  imagesFor,
  lossOf,
  tenImages,
} from './properties/image-model.ts';
export { imageModelProperties } from './properties/image-model-properties.ts';
export { type ImageFiller, imageFillerProperties, type ImageFillerSubject } from './properties/image-filler.ts';
export {
  type EncoderDecoder,
  type EncoderDecoderCallOptions,
  type EncoderDecoderOptions,
  type EncoderDecoderSubject,
} from './properties/seq2seq.ts';
export { encoderDecoderProperties } from './properties/seq2seq-properties.ts';
export { type NewHeadSubject, pretrainedProperties, type PretrainedSubject } from './properties/pretrained.ts';
export { train, type TrainOptions } from './properties/train.ts';
export { signalAt } from './signal-at.ts';
