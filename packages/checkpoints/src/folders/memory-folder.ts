import { CheckpointError } from '../errors.ts';
import { isFileName } from './file-names.ts';
import type { FolderKind, FoundFile } from './folder-source.ts';

/** Files in memory, or ones that a user dropped onto a page. Names that are not allowed are as if absent. */
export function memoryFolder(files: ReadonlyMap<string, Blob | Uint8Array>): FolderKind {
  return {
    location: 'memory',
    find: (name) => {
      const content = files.get(name);
      if (content === undefined) return Promise.resolve(undefined);
      return Promise.resolve(content instanceof Uint8Array ? bytesFile(content) : blobFile(content, name));
    },
    list: () => Promise.resolve([...files.keys()].filter(isFileName)),
  };
}

/** A file of bytes that are at hand; reads copy them. */
export function bytesFile(bytes: Uint8Array): FoundFile {
  return {
    size: bytes.length,
    read: (begin, end, { onBytes }) => {
      onBytes(end - begin);
      return Promise.resolve(new Uint8Array(bytes.subarray(begin, end)));
    },
  };
}

/** A file that a Blob stands for. */
export function blobFile(blob: Blob, name: string): FoundFile {
  return {
    size: blob.size,
    read: async (begin, end, { signal, onBytes }) => {
      const bytes = await readBlob(blob.slice(begin, end), name);
      signal?.throwIfAborted();
      if (bytes.length !== end - begin)
        throw new CheckpointError('range', `${name}: wanted ${end - begin} bytes, got ${bytes.length}`);
      onBytes(bytes.length);
      return bytes;
    },
  };
}

async function readBlob(blob: Blob, name: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw new CheckpointError('changed', `${name}: the file behind it changed or can no longer be read`, { cause });
  }
}
