import { CheckpointError, printable } from '../errors.ts';
import type { TensorInfo } from '../safetensors/dtypes.ts';

/** What {@link compareNames} looks at: shapes by name, or a {@link Checkpoint}. */
export type FoundTensors =
  | ReadonlyMap<string, readonly number[]>
  | { readonly names: readonly string[]; info(name: string): TensorInfo };

/**
 * Makes sure that a checkpoint has exactly the wanted tensors with the wanted shapes. Throws one error with code `mismatch`: its `mismatch` lists all that are
 * missing, unexpected or of another shape, its message, of one line, names the first of each kind and says how many more there are.
 *
 * @param options.where What the message says does not fit; `the checkpoint` unless told.
 */
export function compareNames(
  expected: ReadonlyMap<string, readonly number[]>,
  found: FoundTensors,
  { where = 'the checkpoint' }: { readonly where?: string } = {},
): void {
  const shapes = 'names' in found ? new Map(found.names.map((name) => [name, found.info(name).shape])) : found;
  const missing = [...expected.keys()].filter((name) => !shapes.has(name));
  const unexpected = [...shapes.keys()].filter((name) => !expected.has(name));
  const misshaped = [...expected]
    .map(([name, shape]) => ({ name, expected: shape, found: shapes.get(name) ?? shape }))
    .filter(
      (pair) =>
        pair.expected.length !== pair.found.length || pair.expected.some((size, axis) => size !== pair.found[axis]),
    );
  if (missing.length + unexpected.length + misshaped.length === 0) return;
  const pairs = misshaped.map(
    (pair) => `${printable(pair.name)}: wanted [${pair.expected.join(', ')}], got [${pair.found.join(', ')}]`,
  );
  const kinds = [
    ...firstOf('missing', missing.map(printable)),
    ...firstOf('unexpected', unexpected.map(printable)),
    ...firstOf('of another shape', pairs),
  ];
  throw new CheckpointError('mismatch', `${where} does not fit: ${kinds.join('; ')}`, {
    mismatch: { missing, unexpected, misshaped },
  });
}

function firstOf(kind: string, [first, ...others]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [`${kind} ${first}${others.length > 0 ? ` (and ${others.length} more)` : ''}`];
}
