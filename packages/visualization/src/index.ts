export { type ConfusionCounts, ConfusionMatrixView } from './charts/confusion-matrix.ts';
export { type CurveOptions, LineChart, type LineChartOptions } from './charts/line-chart.ts';
