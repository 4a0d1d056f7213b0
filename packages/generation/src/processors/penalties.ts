import { demand } from '../errors.ts';
import { asList, type LogitsProcessor, type TokenIds } from './logits-processor.ts';

/**
 * Makes tokens that stand in the text already less likely (above 1) or more likely (below 1): positive logits are divided by the
 * penalty, negative ones multiplied (Keskar et al. 2019, "CTRL", section 4.1).
 *
 * @param options.promptIgnoreLength How many ids at the start don't count; default 0.
 */
export function repetitionPenaltyLogitsProcessor({
  penalty,
  promptIgnoreLength = 0,
}: {
  penalty: number;
  promptIgnoreLength?: number | undefined;
}): LogitsProcessor {
  demand(penalty > 0, { where: 'repetitionPenaltyLogitsProcessor', name: 'penalty', wanted: 'above 0', got: penalty });
  return (ids, logits) => penalize(logits, { ids: new Set(ids.slice(promptIgnoreLength)), penalty });
}

/** Makes the tokens of the encoder's input more likely (above 1) or less likely (below 1). */
export function encoderRepetitionPenaltyLogitsProcessor({
  penalty,
  encoderInputIds,
}: {
  penalty: number;
  encoderInputIds: TokenIds;
}): LogitsProcessor {
  const where = 'encoderRepetitionPenaltyLogitsProcessor';
  demand(penalty > 0, { where, name: 'penalty', wanted: 'above 0', got: penalty });
  const ids = new Set(encoderInputIds);
  return (_ids, logits) => penalize(logits, { ids, penalty: 1 / penalty });
}

/**
 * Raises the end tokens more and more once the text is long: by `|logit| · (factor ** steps - 1)`.
 *
 * @param options.exponentialDecayLengthPenalty After how many new tokens it starts, and the factor.
 * @param options.inputIdsSeqLength Length of the prompt.
 */
export function exponentialDecayLengthPenalty({
  exponentialDecayLengthPenalty: [start, factor],
  eosTokenId,
  inputIdsSeqLength,
}: {
  exponentialDecayLengthPenalty: readonly [start: number, factor: number];
  eosTokenId: number | TokenIds;
  inputIdsSeqLength: number;
}): LogitsProcessor {
  return (ids, logits) => {
    const steps = ids.length - inputIdsSeqLength - start;
    if (steps <= 0) return;
    for (const id of new Set(asList(eosTokenId))) {
      const logit = logits[id] ?? NaN; // NaN: not in the vocabulary
      if (Number.isFinite(logit)) logits[id] = logit + Math.abs(logit) * (factor ** steps - 1);
    }
  };
}

function penalize(logits: Float64Array, { ids, penalty }: { ids: ReadonlySet<number>; penalty: number }): void {
  for (const id of ids) {
    const logit = logits[id];
    if (logit !== undefined) logits[id] = logit < 0 ? logit * penalty : logit / penalty;
  }
}
