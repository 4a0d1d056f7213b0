import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const own: string = resolve(import.meta.dirname, '../fixtures');

/** All fixtures, where the checkout has them beside it. */
export const shared: string = resolve(import.meta.dirname, '../../../../../shared/fixtures/tokenizers');
export const hasShared: boolean = existsSync(shared);

/** The text that the fixtures' tokenizers were trained on, one training string a line. */
export const corpus: string[] = readFileSync(join(own, 'corpus.txt'), 'utf8')
  .split('\n')
  .map((line) => `${line}\n`);

/** Folders with a tokenizer.json: the shared ones, or the few that are copied into this package. */
export function fixtureFolders(): { name: string; folder: string }[] {
  const root = hasShared ? shared : own;
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, folder: join(root, entry.name) }));
}

/** A fixture folder by name; undefined when only the shared ones have it and they are missing. */
export function fixtureFolder(name: string): string | undefined {
  return [join(shared, name), join(own, name)].find((folder) => existsSync(folder));
}

export function readJson<T>(folder: string, file: string): T {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'));
}

/** UTF-16 positions as counts of code points, as the fixtures have them. */
export function codePointOffsets(text: string, offsets: readonly (readonly [number, number])[]): [number, number][] {
  const counts = new Int32Array(text.length + 1);
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    counts[index] = count;
    const inPair = (text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
    if (!inPair) count++;
  }
  counts[text.length] = count;
  return offsets.map(([start, end]) => [counts[start] ?? -1, counts[end] ?? -1]);
}
