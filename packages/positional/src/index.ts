export { bicubicWeights, type GridSize, interpolatePositions } from './interpolation.ts';
export { LearnedPositions, type LearnedPositionsConfig, type PositionRequest } from './learned.ts';
export { sinusoidal, type SinusoidalLayout, SinusoidalPositions } from './sinusoidal.ts';
