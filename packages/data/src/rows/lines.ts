import { DataError } from '../errors.ts';
import { LONGEST_STRING } from '../read-texts.ts';
import type { DataFile } from './data-file.ts';

/**
 * The lines of a UTF-8 file without their line breaks; a byte order mark is dropped.
 *
 * @throws {@link DataError} `binary` for NUL bytes and bytes that are not UTF-8.
 */
export async function* readLines(file: DataFile): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let unfinished: string[] = []; // pieces of a line that has not ended yet
  for await (const chunk of file.chunks()) {
    if (chunk.includes(0)) throw new DataError('binary', `${file.name} is not a text file: it has NUL bytes`);
    const [first = '', ...others] = decode(file, () => decoder.decode(chunk, { stream: true })).split('\n');
    unfinished.push(first);
    if (others.length === 0) continue;
    const rest = others.pop() ?? '';
    for (const line of [unfinished.join(''), ...others]) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    unfinished = [rest];
  }
  const last = unfinished.join('') + decode(file, () => decoder.decode());
  if (last !== '') yield last;
}

/** A whole UTF-8 file. */
export async function readText(file: DataFile): Promise<string> {
  if (file.byteLength > LONGEST_STRING)
    throw new DataError(
      'too-large',
      `${file.name} has ${file.byteLength} bytes; split it, a string holds ${LONGEST_STRING}`,
    );
  const bytes = new Uint8Array(await file.slice(0));
  if (bytes.includes(0)) throw new DataError('binary', `${file.name} is not a text file: it has NUL bytes`);
  return decode(file, () => new TextDecoder('utf-8', { fatal: true }).decode(bytes));
}

function decode(file: DataFile, run: () => string): string {
  try {
    return run();
  } catch (cause) {
    throw new DataError('binary', `${file.name} is not a text file: it is not valid UTF-8`, { cause });
  }
}
