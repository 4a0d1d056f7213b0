import { FormersError } from '@formers/backend';

/**
 * What went wrong in a run, for programs to branch on.
 *
 * | code | meaning |
 * | --- | --- |
 * | `not-finite` | a loss, gradient or weight is NaN or infinite; the update was left out |
 * | `stale` | the values of a step were asked for after the next one had freed them |
 * | `state` | a saved state that does not fit the optimizer |
 * | `mismatch` | a checkpoint of another model, configuration, data or tokenizer |
 * | `no-checkpoint` | no complete checkpoint where one was asked for |
 * | `damaged` | a checkpoint whose files are not those that were written |
 * | `output` | an output folder that cannot be used |
 * | `write` | a checkpoint could not be written; nothing of it stays |
 * | `running` | a trainer that runs already |
 */
export type TrainingErrorCode =
  | 'not-finite'
  | 'stale'
  | 'state'
  | 'mismatch'
  | 'no-checkpoint'
  | 'damaged'
  | 'output'
  | 'write'
  | 'running';

/** A run that cannot start or go on; one clear line. */
export class TrainingError extends FormersError {
  override readonly name = 'TrainingError';
  readonly code: TrainingErrorCode;

  constructor(code: TrainingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether `value` is a TrainingError, also one of another copy of this package. */
  static isInstance(value: unknown): value is TrainingError {
    return value instanceof Error && value.name === 'TrainingError' && 'code' in value;
  }
}
