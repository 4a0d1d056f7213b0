import { CheckpointError, printable } from '../errors.ts';
import type { TensorInfo } from '../safetensors/dtypes.ts';

/** What {@link compareNames} looks at: shapes by name, or a {@link Checkpoint}. */
export type FoundTensors =
  | ReadonlyMap<string, readonly number[]>
  | { readonly names: readonly string[]; info(name: string): TensorInfo };

/** Longest list of names in a message; the error's `mismatch` has all. */
const listed = 20;

/**
 * Makes sure that a checkpoint has exactly the wanted tensors with the wanted shapes. Throws one error with code `mismatch` that lists all that are
 * missing, unexpected or of another shape, in its message and as arrays in `mismatch`.
 */
export function compareNames(expected: ReadonlyMap<string, readonly number[]>, found: FoundTensors): void {
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
  const message = [
    'the checkpoint does not fit',
    ...section('missing', missing.map(printable)),
    ...section('unexpected', unexpected.map(printable)),
    ...section('of another shape', pairs),
  ];
  throw new CheckpointError('mismatch', message.join('\n'), { mismatch: { missing, unexpected, misshaped } });
}

function section(title: string, lines: readonly string[]): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > listed ? [`  and ${lines.length - listed} more`] : [];
  return [`${title} (${lines.length}):`, ...lines.slice(0, listed).map((line) => `  ${line}`), ...more];
}
