import { CheckpointError } from '../errors.ts';
import type { NodeModules } from './node-modules.ts';

/** Most bytes that one call of the operating system is given. */
const largestWrite = 1 << 30;

/** What {@link writeFileAtomically} writes. */
export interface AtomicContent {
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  readonly node: NodeModules;
}

/**
 * Writes a file so that at any moment, also after a crash, its name stands for the old content or for all of the new: the chunks go to a
 * temporary file beside it, which is flushed to disk and renamed. Whoever has the old file open keeps reading the old content.
 * Failures of the disk throw with code `write`, others as they are; both remove the temporary file.
 */
export async function writeFileAtomically(path: string, { chunks, node }: AtomicContent): Promise<void> {
  const { fs, path: paths, crypto } = node;
  const temporary = paths.join(paths.dirname(path), `.${paths.basename(path)}.${crypto.randomUUID()}.tmp`);
  try {
    {
      await using file = await fs.open(temporary, 'wx');
      for await (const chunk of chunks) await writeAll(file, chunk);
      await file.sync();
    }
    await fs.rename(temporary, path);
    await syncFolder(paths.dirname(path), node);
  } catch (cause) {
    await fs.rm(temporary, { force: true });
    const isSystemError = cause instanceof Error && 'syscall' in cause;
    throw isSystemError ? new CheckpointError('write', `${path}: ${cause.message}`, { cause }) : cause;
  }
}

async function writeAll(
  file: { write(bytes: Uint8Array, offset: number, length: number): Promise<{ bytesWritten: number }> },
  bytes: Uint8Array,
): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += (await file.write(bytes, written, Math.min(bytes.length - written, largestWrite))).bytesWritten;
  }
}

/** Makes the new name itself durable. Windows opens no folders and needs no such step. */
async function syncFolder(folder: string, { fs }: NodeModules): Promise<void> {
  try {
    await using handle = await fs.open(folder, 'r');
    await handle.sync();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : '';
    if (code !== 'EISDIR' && code !== 'EPERM' && code !== 'EACCES') throw cause;
  }
}
