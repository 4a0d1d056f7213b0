export {
  type AttentionMaps,
  attentionOf,
  fuseHeads,
  type HeadChoice,
  type HeadFusion,
} from './attention/attention-maps.ts';
export { type AttentionContent, AttentionView } from './attention/attention-view.ts';
export { attentionRollout, mixedLayers, rolloutOf, type RolloutOptions } from './attention/rollout.ts';
export { type ConfusionCounts, ConfusionMatrixView } from './charts/confusion-matrix.ts';
export { type CurveOptions, LineChart, type LineChartOptions } from './charts/line-chart.ts';
