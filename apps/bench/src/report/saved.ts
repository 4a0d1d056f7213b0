import { readFile } from 'node:fs/promises';

import { type BenchOptions, UsageError } from '../options.ts';
import type { BenchDocument } from './document.ts';

/** Reads what `--save` or `--json` left, for the report of an engine. @throws {@link UsageError} when it isn't fit for the README. */
export async function readDocument(file: string, { engine }: BenchOptions): Promise<BenchDocument> {
  let document: Partial<BenchDocument>;
  try {
    document = JSON.parse(await readFile(file, 'utf8')) as Partial<BenchDocument>;
  } catch (error) {
    throw new UsageError(`--from: ${file} can't be read as JSON: ${(error as Error).message.split('\n')[0]}`);
  }
  const refuse = (reason: string): never => {
    throw new UsageError(`--from: ${file} ${reason}`);
  };
  if (!Array.isArray(document.cases) || typeof document.date !== 'string' || !document.machine)
    return refuse('is not a document of bench');
  if (document.quick === true) return refuse('is of a quick run: its figures mean little');
  if ((document.gpu !== undefined) !== (engine === 'webgpu'))
    return refuse(`is of the ${document.gpu ? 'GPU: add' : 'processor: leave out'} --engine webgpu`);
  if (document.gpu?.isSoftware === true) return refuse(`is of a GPU in software: ${document.gpu.name}`);
  return document as BenchDocument;
}
