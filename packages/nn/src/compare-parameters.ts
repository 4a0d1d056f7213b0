import { CheckpointError, compareNames, type TensorMismatch } from '@formers/checkpoints';

/** Shapes by name. */
type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * {@link compareNames} of a model's parameters and the tensors of a checkpoint. Tensors of another head don't matter where the rest fits; where it doesn't, the
 * error names them as unexpected, too.
 *
 * @param options.others What the checkpoint has for another head.
 * @param options.isHead Tells the names of the model's own head, where a new one is to be hinted at.
 * @param options.where What does not fit, for the message.
 */
export function compareParameters(
  expected: Shapes,
  found: Shapes,
  { others, isHead, where }: { others: Shapes; isHead: ((name: string) => boolean) | undefined; where: string },
): void {
  const first = mismatchOf(expected, { found, where })?.mismatch;
  if (!first) return;
  const error = mismatchOf(expected, { found: new Map([...found, ...others]), where }) as CheckpointError;
  const unfit = [...first.missing, ...first.misshaped.map(({ name }) => name)];
  if (!isHead || first.unexpected.length > 0 || !unfit.every((name) => isHead(name))) throw error;
  const hint = 'only tensors of the head do not fit: pass newHead: true to start with a new one';
  throw new CheckpointError('mismatch', `${error.message}; ${hint}`, {
    mismatch: { ...(error.mismatch as TensorMismatch), headOnly: true },
  });
}

function mismatchOf(expected: Shapes, { found, where }: { found: Shapes; where: string }): CheckpointError | undefined {
  try {
    compareNames(expected, found, { where });
    return undefined;
  } catch (error) {
    if (CheckpointError.isInstance(error)) return error;
    throw error;
  }
}
