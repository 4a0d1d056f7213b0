export { bicubicWeights, type GridSize, interpolatePositions } from './interpolation.ts';
export { LearnedPositions, type LearnedPositionsConfig, type PositionRequest } from './learned.ts';
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
export { sinusoidal, type SinusoidalLayout, SinusoidalPositions } from './sinusoidal.ts';
