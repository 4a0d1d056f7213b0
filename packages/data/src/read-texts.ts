import type * as fsPromises from 'node:fs/promises';

import { DataError } from './errors.ts';

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
  for (const pattern of [patterns].flat()) for (const path of await expand(pattern)) paths.add(path);
  const files: TextFile[] = [];
  for (const path of paths) files.push({ path, text: await readText(path) });
  return files;
}

async function expand(pattern: string): Promise<string[]> {
  const fs = fileSystem();
  const exists = await fs.stat(pattern).then(
    () => true,
    () => false,
  );
  if (exists) return [pattern];
  if (!/[*?[\]{}]/.test(pattern)) throw new DataError('missing-file', `readTexts: no such file: ${pattern}`);
  const paths: string[] = [];
  for await (const path of fs.glob(pattern)) if ((await fs.stat(path)).isFile()) paths.push(path);
  if (paths.length === 0) throw new DataError('missing-file', `readTexts: no file matches ${pattern}`);
  return paths.sort();
}

async function readText(path: string): Promise<string> {
  const fs = fileSystem();
  if (!(await fs.stat(path)).isFile()) throw new DataError('not-a-file', `readTexts: ${path} is not a file`);
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
    throw new DataError('binary', `readTexts: ${path} is not a text file: it is not valid UTF-8`, { cause });
  }
  if (text.trim() === '') throw new DataError('empty', `readTexts: ${path} is empty`);
  return text;
}

/** Node's file system, asked for at run time, so that bundlers for browsers never meet it. */
function fileSystem(): typeof fsPromises {
  if (typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function') {
    return process.getBuiltinModule('node:fs/promises');
  }
  throw new DataError('unreadable', 'readTexts: needs Node; in a browser, read a File with its text()');
}

/** V8's limit: 2²⁹ - 24 UTF-16 units, and a byte gives at most one. */
const LONGEST_STRING = 2 ** 29 - 24;
