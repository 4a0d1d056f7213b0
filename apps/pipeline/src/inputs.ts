import { readFile } from 'node:fs/promises';

import { UsageError } from '@formers/cli';

import type { Given } from './options.ts';

/** One input: a text or file name, or an object of a .jsonl file, such as `{ question, context }` or `{ text, text_pair }`. */
export type Input = string | Readonly<Record<string, unknown>>;

/** The inputs of the command line, then those of the file. @throws {@link UsageError} where there are none, or the file can't be read. */
export async function readInputs({ inputs = [], file }: Given): Promise<Input[]> {
  const all = [...inputs, ...(file === undefined ? [] : await readLines(file))];
  if (all.length === 0) throw new UsageError('there are no inputs; see --help');
  return all;
}

/** A text of an input: itself, or a key of its object. @throws {@link UsageError} where it has none. */
export function textOf(input: Input, ...keys: readonly string[]): string {
  if (typeof input === 'string') return input;
  const text = keys.map((key) => input[key]).find((value) => typeof value === 'string');
  if (typeof text === 'string') return text;
  throw new UsageError(`an input must be a text or have ${keys.join(' or ')}, got ${JSON.stringify(input)}`);
}

async function readLines(file: string): Promise<Input[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--file ${file} can't be read: ${(error as Error).message}`);
  });
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return file.endsWith('.jsonl') ? lines.map((line, i) => parseLine(line, `--file ${file}:${i + 1}`)) : lines;
}

function parseLine(line: string, place: string): Input {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'string' || (typeof value === 'object' && value !== null)) return value as Input;
  } catch {
    // told below
  }
  throw new UsageError(`${place} must be a text or an object in JSON, got ${line.slice(0, 80)}`);
}
