import { DataError } from '../errors.ts';
import type { DataFile } from './data-file.ts';

/**
 * The lines of a UTF-8 file without their line breaks; a byte order mark is dropped.
 *
 * @throws {@link DataError} `binary` for NUL bytes and bytes that are not UTF-8.
 */
export async function* readLines(file: DataFile): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of file.chunks()) {
    if (chunk.includes(0)) throw new DataError('binary', `${file.name} is not a text file: it has NUL bytes`);
    const lines = (rest + decode(file, () => decoder.decode(chunk, { stream: true }))).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  }
  rest += decode(file, () => decoder.decode());
  if (rest !== '') yield rest;
}

/** A whole UTF-8 file. */
export async function readText(file: DataFile): Promise<string> {
  const lines: string[] = [];
  for await (const line of readLines(file)) lines.push(line);
  return lines.join('\n');
}

function decode(file: DataFile, run: () => string): string {
  try {
    return run();
  } catch (cause) {
    throw new DataError('binary', `${file.name} is not a text file: it is not valid UTF-8`, { cause });
  }
}
