import { ConfigError } from '@formers/backend';
import { CheckpointError } from '@formers/checkpoints';

/**
 * What may be told of an error of opening a model for a task: that only the `head` doesn't fit, or that the model may be of another `kind` (its config or its files say so).
 * Undefined for damaged files, networks and all else.
 */
export function misfitOf(error: unknown): 'head' | 'kind' | undefined {
  if (ConfigError.isInstance(error)) return 'kind';
  if (!CheckpointError.isInstance(error)) return undefined;
  if (error.mismatch?.headOnly) return 'head';
  return error.code === 'missing-file' ? 'kind' : undefined;
}
