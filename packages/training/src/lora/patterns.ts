import { ConfigError } from '@formers/backend';

/** Numbers for modules whose names match a regular expression, whole or from one of their words on: `rank_pattern` and `alpha_pattern` of PEFT. */
export type Patterns = Readonly<Record<string, number>>;

/** The number of the first pattern that a name matches. @throws {@link ConfigError} for a key that is no regular expression. */
export function numberFor(name: string, { patterns, fallback }: { patterns: Patterns; fallback: number }): number {
  return Object.entries(patterns).find(([key]) => expressionOf(key).test(name))?.[1] ?? fallback;
}

/** A key as PEFT matches it; Python writes named groups with a P. */
function expressionOf(key: string): RegExp {
  try {
    return new RegExp(`^(?:.*\\.)?(?:${key.replaceAll('(?P<', '(?<')})$`);
  } catch {
    throw new ConfigError(`LoRA: patterns: ${JSON.stringify(key)} is no regular expression`);
  }
}

/** @throws {@link ConfigError} for a number out of range, and for a key that is no regular expression. */
export function checkPatterns(name: string, patterns: Patterns): void {
  for (const [key, value] of Object.entries(patterns)) {
    expressionOf(key);
    const isRight = name === 'rankPattern' ? Number.isInteger(value) && value >= 1 : value >= 0 && value < Infinity;
    const wanted = name === 'rankPattern' ? 'whole numbers from 1' : 'numbers from 0';
    if (!isRight) throw new ConfigError(`LoRA: ${name} must have ${wanted}, got ${JSON.stringify({ [key]: value })}`);
  }
}
