export { alibiBias, type AlibiBiasOptions, alibiKeyBias, alibiSlopes } from './alibi.ts';
export { type GridSize, interpolatePositions } from './interpolation.ts';
export { type InterpolationMode, type InterpolationOptions, interpolationWeights } from './interpolation-weights.ts';
export { LearnedPositions, type LearnedPositionsConfig, type PositionRequest } from './learned.ts';
export { positionIdsFromMask, positionIdsFromPadding } from './position-ids.ts';
export { relativeBucket, type RelativeBucketOptions } from './relative-bucket.ts';
export {
  RelativePositionBias,
  type RelativePositionBiasConfig,
  type RelativePositionBiasRequest,
} from './relative-position-bias.ts';
export { ropeFromHuggingFace } from './rope-from-hugging-face.ts';
export { RotaryPositions, type RotaryPositionsConfig, type RotaryRequest } from './rotary.ts';
export {
  type DynamicScaling,
  type LinearScaling,
  type Llama3Scaling,
  type LongRopeScaling,
  type ProportionalScaling,
  type RotaryAngles,
  type RotaryFrequencies,
  rotaryFrequencies,
  type RotaryScaling,
  type YarnScaling,
} from './rotary-scaling.ts';
export {
  sinusoidal,
  type SinusoidalLayout,
  type SinusoidalOptions,
  SinusoidalPositions,
  type SinusoidalPositionsConfig,
  type SinusoidalRequest,
  type SinusoidalSpacing,
} from './sinusoidal.ts';
export { sinusoidalGrid, type SinusoidalGridOptions } from './sinusoidal-grid.ts';
