/** Metrics that are shares, and shown in percent. */
const SHARES: ReadonlySet<string> = new Set([
  'accuracy',
  'exact_match',
  'explained',
  'f1',
  'macro_f1',
  'masked_accuracy',
  'next_sentence_accuracy',
  'precision',
  'recall',
  'span_accuracy',
]);

/** Metrics whose names alone say too little. */
const NAMES: Readonly<Record<string, string>> = { explained: 'hidden pixels explained' };

/** `loss 0.1234  accuracy 98.20 %`, in the order that they have. */
export function metricsLine(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => `${NAMES[name] ?? name.replaceAll('_', ' ')} ${metricText(name, value)}`)
    .join('  ');
}

function metricText(name: string, value: number): string {
  if (SHARES.has(name)) return `${(100 * value).toFixed(2)} %`;
  return value.toFixed(name.endsWith('loss') || name === 'mse' ? 4 : 3);
}
