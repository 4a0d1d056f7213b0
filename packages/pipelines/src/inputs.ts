import { ValueError } from '@formers/backend';

/** Throws a {@link ValueError} `where: name must be wanted, got value`. */
export function refuse({ where, name }: Argument, wanted: string, got: unknown): never {
  throw new ValueError(`${where}: ${name} must be ${wanted}, got ${describe(got)}`);
}

/** Of what an error tells. */
export interface Argument {
  /** The task, such as `fill-mask`. */
  readonly where: string;
  readonly name: string;
}

/** One text or several as a list. @throws {@link ValueError} for anything else. */
export function checkTexts(input: unknown, argument: Argument): string[] {
  const texts: unknown[] = Array.isArray(input) ? input : [input];
  return texts.map((text, i) =>
    checkText(text, Array.isArray(input) ? { ...argument, name: `${argument.name}[${i}]` } : argument),
  );
}

/** A text. @throws {@link ValueError} for anything else. */
export function checkText(input: unknown, argument: Argument): string {
  return typeof input === 'string' ? input : refuse(argument, 'a text', input);
}

/** How many results are wanted: all for null. @throws {@link ValueError} for what is no count. */
export function checkTopK(topK: unknown, where: string): number {
  if (topK === null) return Infinity;
  const isCount = Number.isInteger(topK) && (topK as number) >= 1;
  return isCount
    ? (topK as number)
    : refuse({ where, name: 'topK' }, 'a whole number of at least 1, or null for all', topK);
}

/** A whole number of at least `least`. @throws {@link ValueError} for anything else. */
export function checkCount(value: unknown, { least = 1, ...argument }: Argument & { least?: number }): number {
  const isCount = Number.isInteger(value) && (value as number) >= least;
  return isCount ? (value as number) : refuse(argument, `a whole number of at least ${least}`, value);
}

/** One of some words. @throws {@link ValueError} for anything else. */
export function checkChoice<Choice extends string>(
  value: unknown,
  { among, ...argument }: Argument & { among: readonly Choice[] },
): Choice {
  const found = among.find((choice) => choice === value);
  return found ?? refuse(argument, `one of ${among.join(', ')}`, value);
}

function describe(value: unknown): string {
  const text = typeof value === 'number' || typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return (text ?? String(value)).slice(0, 200);
}
