import { CheckpointError, compareNames, type TensorMismatch } from '@formers/checkpoints';

/** Shapes by name. */
type Shapes = ReadonlyMap<string, readonly number[]>;

/**
 * {@link compareNames} of a model's parameters and the tensors of a checkpoint. Tensors of another head don't matter where the rest fits; where it doesn't, the
 * error names them as unexpected, too.
 *
 * @param options.others What the checkpoint has for another head.
 * @param options.isHead Tells the names of the model's own head, where a new one is to be hinted at.
 */
export function compareParameters(
  expected: Shapes,
  found: Shapes,
  { others, isHead }: { others: Shapes; isHead: ((name: string) => boolean) | undefined },
): void {
  const first = mismatchOf(expected, found)?.mismatch;
  if (!first) return;
  const error = mismatchOf(expected, new Map([...found, ...others])) as CheckpointError;
  const unfit = [...first.missing, ...first.misshaped.map(({ name }) => name)];
  if (!isHead || first.unexpected.length > 0 || !unfit.every((name) => isHead(name))) throw error;
  const hint = 'only tensors of the head do not fit: pass newHead: true to start with a new one';
  throw new CheckpointError('mismatch', `${error.message}\n${hint}`, { mismatch: error.mismatch as TensorMismatch });
}

function mismatchOf(expected: Shapes, found: Shapes): CheckpointError | undefined {
  try {
    compareNames(expected, found);
    return undefined;
  } catch (error) {
    if (CheckpointError.isInstance(error)) return error;
    throw error;
  }
}
