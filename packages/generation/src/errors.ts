import { FormersError } from '@formers/backend';

/** Something that generation can't work with: an option, a prompt, or logits that leave no token to choose. */
export class GenerationError extends FormersError {
  readonly code = 'generation';

  static isInstance(value: unknown): value is GenerationError {
    return value instanceof Error && 'code' in value && value.code === 'generation';
  }
}

/** Throws a {@link GenerationError} `where: name must be wanted, got value` unless the condition holds. */
export function demand(
  holds: boolean,
  { where, name, wanted, got }: { where: string; name: string; wanted: string; got: unknown },
): void {
  if (!holds) throw new GenerationError(`${where}: ${name} must be ${wanted}, got ${describe(got)}`);
}

function describe(value: unknown): string {
  return typeof value === 'number' || typeof value === 'bigint'
    ? String(value)
    : (JSON.stringify(value) ?? String(value));
}
