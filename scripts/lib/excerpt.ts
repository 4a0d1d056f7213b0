import { stripVTControlCharacters } from 'node:util';

/** How much of a long text is told. */
interface Part {
  /** Lines from the beginning. */
  readonly first?: number;
  /** Lines from the end. */
  readonly last?: number;
}

/** The first or last lines of a text that are not empty, without colours, each of at most 300 characters. */
export function excerpt(text: string, { first, last }: Part): string {
  const lines = stripVTControlCharacters(text)
    .split('\n')
    .map((line) => line.trimEnd().slice(0, 300))
    .filter((line) => line !== '');
  return (last === undefined ? lines.slice(0, first) : lines.slice(-last)).join('\n');
}
