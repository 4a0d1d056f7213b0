import { demand } from '../errors.ts';
import { logSoftmax } from '../probabilities.ts';
import type { LogitsProcessor } from './logits-processor.ts';

/** Divides the logits by a temperature: below 1 sharpens the distribution, above 1 flattens it. */
export function temperatureLogitsWarper({ temperature }: { temperature: number }): LogitsProcessor {
  const ok = temperature > 0 && temperature < Infinity;
  demand(ok, { where: 'temperatureLogitsWarper', name: 'temperature', wanted: 'above 0', got: temperature });
  return (_ids, logits) => {
    for (let id = 0; id < logits.length; id++) logits[id] = (logits[id] as number) / temperature;
  };
}

/** Turns the logits into logarithms of probabilities. */
export function logitNormalization(): LogitsProcessor {
  return (_ids, logits) => logits.set(logSoftmax(logits));
}

/** Replaces NaN by 0 and infinite logits by the largest and smallest finite float32. */
export function infNanRemoveLogitsProcessor(): LogitsProcessor {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  return (_ids, logits) => {
    for (let id = 0; id < logits.length; id++) {
      const logit = logits[id] as number;
      if (Number.isNaN(logit)) logits[id] = 0;
      else if (!Number.isFinite(logit)) logits[id] = logit > 0 ? largest : -largest;
    }
  };
}
