import { DataError } from '../errors.ts';
import { expandPattern, fileSystem } from '../files.ts';

/** A file that rows are read from, wherever it lies. */
export interface DataFile {
  readonly name: string;
  readonly byteLength: number;
  /** Bytes `[start, end)`. */
  slice(start: number, end?: number): Promise<ArrayBuffer>;
  /** All bytes, some at a time. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Files by name or glob (in Node), or `File`s of a browser. */
export type FileSource = string | File | readonly (string | File)[];

/** @throws {@link DataError} `missing-file`, `not-a-file`, `unreadable` or `empty`. */
export async function openFiles(source: FileSource, where: string): Promise<DataFile[]> {
  const files = new Map<string, DataFile>();
  for (const item of typeof source === 'string' || source instanceof File ? [source] : source) {
    if (item instanceof File) files.set(item.name, blobFile(item));
    else for (const path of await expandPattern(item, where)) files.set(path, await diskFile(path, where));
  }
  if (files.size === 0) throw new DataError('missing-file', `${where}: no files were named`);
  for (const { name, byteLength } of files.values())
    if (byteLength === 0) throw new DataError('empty', `${where}: ${name} is empty`);
  return [...files.values()];
}

function blobFile(file: File): DataFile {
  return {
    name: file.name,
    byteLength: file.size,
    slice: (start, end) => file.slice(start, end).arrayBuffer(),
    async *chunks() {
      const reader = file.stream().getReader();
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          yield value;
        }
      } finally {
        await reader.cancel();
      }
    },
  };
}

async function diskFile(path: string, where: string): Promise<DataFile> {
  const fs = fileSystem(where);
  const unreadable = (cause: unknown): never => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError('unreadable', `${where}: cannot read ${path}: ${reason}`, { cause });
  };
  const status = await fs.stat(path).catch(unreadable);
  if (!status.isFile()) throw new DataError('not-a-file', `${where}: ${path} is not a file`);
  const read = async (position: number, length: number): Promise<Uint8Array<ArrayBuffer>> => {
    await using handle = await fs.open(path).catch(unreadable);
    const bytes = new Uint8Array(length);
    const { bytesRead } = await handle.read(bytes, 0, length, position).catch(unreadable);
    return bytes.subarray(0, bytesRead);
  };
  return {
    name: path,
    byteLength: status.size,
    async slice(start, end = status.size) {
      const bytes = await read(start, end - start);
      return bytes.buffer.slice(0, bytes.length);
    },
    async *chunks() {
      await using handle = await fs.open(path).catch(unreadable);
      for (let position = 0; position < status.size;) {
        const { bytesRead, buffer } = await handle.read(new Uint8Array(CHUNK), 0, CHUNK, position).catch(unreadable);
        if (bytesRead === 0) return;
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
  };
}

const CHUNK = 2 ** 18;
