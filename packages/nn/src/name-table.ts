import { ConfigError } from '@formers/backend';

/**
 * One line of the table that joins our parameter paths to the tensor names of a checkpoint. `{i}` stands for a number, the same on both sides.
 * `transpose` marks [inDim, outDim] storage (GPT-2's Conv1D).
 */
export type NameRow = readonly [ours: string, theirs: string, layout?: 'transpose'];

/** Where a parameter lies in a checkpoint. */
export interface StoredName {
  readonly name: string;
  readonly transpose: boolean;
}

/**
 * The checkpoint name of each parameter path, by a table that renames and transposes, and never splits or merges.
 *
 * @throws {@link ConfigError} naming the paths that the table doesn't know, or that collide.
 */
export function storedNames(paths: Iterable<string>, table: readonly NameRow[]): Map<string, StoredName> {
  const rows = new Map(table.map((row) => [row[0], row]));
  const names = new Map<string, StoredName>();
  const taken = new Set<string>();
  for (const path of paths) {
    const numbers: string[] = [];
    const row = rows.get(path.replaceAll(/(?<=^|\.)\d+(?=\.|$)/g, (number) => (numbers.push(number), '{i}')));
    if (!row) throw new ConfigError(`storedNames: no checkpoint name is known for the parameter ${path}`);
    const name = row[1].replaceAll('{i}', () => numbers.shift() ?? '');
    if (taken.has(name)) throw new ConfigError(`storedNames: two parameters are called ${name} in the checkpoint`);
    taken.add(name);
    names.set(path, { name, transpose: row[2] === 'transpose' });
  }
  return names;
}
