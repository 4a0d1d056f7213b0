import { DataError } from './errors.ts';
import { expandPattern, fileSystem } from './files.ts';

/** A text file that was read. */
export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/**
 * Reads UTF-8 text files, in Node. Files of one pattern come in the order of their names; a file that is named twice comes once.
 *
 * @param patterns File names, or globs such as `books/**\/*.txt`. A name that exists is never taken for a glob.
 * @throws {@link DataError} in one clear line for a file that is missing, unreadable, empty or not text.
 */
export async function readTexts(patterns: string | readonly string[]): Promise<TextFile[]> {
  const paths = new Set<string>();
  for (const pattern of [patterns].flat())
    for (const path of await expandPattern(pattern, 'readTexts')) paths.add(path);
  const files: TextFile[] = [];
  for (const path of paths) files.push({ path, text: await readText(path) });
  return files;
}

async function readText(path: string): Promise<string> {
  const fs = fileSystem('readTexts');
  const found = await fs.stat(path);
  if (found.isDirectory())
    throw new DataError('not-a-file', `readTexts: ${path} is a folder; name its files, such as '${path}/*.txt'`);
  if (!found.isFile()) throw new DataError('not-a-file', `readTexts: ${path} is not a file`);
  const bytes = await fs.readFile(path).catch((cause: unknown) => {
    throw new DataError(
      'unreadable',
      `readTexts: cannot read ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  });
  return decodeText(bytes, path);
}

/** UTF-8 bytes as text; refuses what is empty or binary. A byte order mark is dropped. */
function decodeText(bytes: Uint8Array, path: string): string {
  const mark = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
  if (mark === 0xfffe || mark === 0xfeff)
    throw new DataError('binary', `readTexts: ${path} is UTF-16; make it UTF-8: iconv -f UTF-16 -t UTF-8 ${path}`);
  const nul = bytes.indexOf(0);
  if (nul >= 0) throw new DataError('binary', `readTexts: ${path} is not a text file: a NUL byte at position ${nul}`);
  if (bytes.length > LONGEST_STRING)
    throw new DataError(
      'too-large',
      `readTexts: ${path} has ${bytes.length} bytes; split it, a string holds ${LONGEST_STRING}`,
    );
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError(
      'binary',
      `readTexts: ${path} is not a text file: it is not valid UTF-8 (of Latin-1, iconv -f LATIN1 -t UTF-8 makes it)`,
      { cause },
    );
  }
  if (text.trim() === '') throw new DataError('empty', `readTexts: ${path} is empty`);
  return text;
}

/** V8's limit: 2²⁹ - 24 UTF-16 units, and a byte gives at most one. */
export const LONGEST_STRING: number = 2 ** 29 - 24;
