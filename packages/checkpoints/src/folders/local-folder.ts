import { CheckpointError } from '../errors.ts';
import { isFileName } from './file-names.ts';
import type { FolderKind, FoundFile } from './folder-source.ts';
import type { NodeModules } from './node-modules.ts';

/** Most bytes that one call of the operating system is asked for. */
const largestRead = 1 << 30;

/**
 * A folder on disk. Only regular files within it are opened: a link must not lead out, but for the links of the Hugging Face cache from
 * `snapshots/COMMIT` to the `blobs` beside.
 */
export function localFolder(location: string, node: NodeModules): FolderKind {
  return {
    location,
    find: async (name) => {
      const path = await existing(() => node.fs.realpath(node.path.join(location, name)));
      if (path === undefined) return undefined;
      await checkInside(path, { location, name, node });
      return findLocalFile(path, { name, node });
    },
    list: () => listFiles(location, node),
  };
}

/** Names of the files in a folder, but for those that are not allowed; none where there is no folder. */
export async function listFiles(location: string, { fs }: NodeModules): Promise<string[]> {
  const entries = (await existing(() => fs.readdir(location, { withFileTypes: true }))) ?? [];
  return entries.filter((entry) => !entry.isDirectory() && isFileName(entry.name)).map((entry) => entry.name);
}

/** The file at a real path; undefined for a folder. */
export async function findLocalFile(
  path: string,
  { name, node }: { name: string; node: NodeModules },
): Promise<FoundFile | undefined> {
  const stats = await existing(() => node.fs.stat(path, { bigint: true }));
  if (!stats || stats.isDirectory()) return undefined;
  if (!stats.isFile()) throw new CheckpointError('path', `${name}: must be a regular file`); // opening a pipe would wait for ever
  return {
    size: Number(stats.size),
    read: (begin, end, options) =>
      readLocalFile(path, { begin, end, name, node, version: versionOf(stats), ...options }),
  };
}

interface LocalRead {
  readonly begin: number;
  readonly end: number;
  readonly name: string;
  readonly node: NodeModules;
  readonly version: string;
  readonly signal: AbortSignal | undefined;
  readonly onBytes: (count: number) => void;
}

async function readLocalFile(
  path: string,
  { begin, end, name, node, version, signal, onBytes }: LocalRead,
): Promise<Uint8Array> {
  try {
    await using file = await node.fs.open(path, 'r');
    if (versionOf(await file.stat({ bigint: true })) !== version)
      throw new CheckpointError('changed', `${name}: was replaced since it was first read`);
    const bytes = new Uint8Array(end - begin);
    let filled = 0;
    while (filled < bytes.length) {
      const length = Math.min(bytes.length - filled, largestRead);
      const { bytesRead } = await file.read(bytes, { offset: filled, length, position: begin + filled });
      signal?.throwIfAborted();
      if (bytesRead === 0) throw new CheckpointError('changed', `${name}: became shorter while it was read`);
      filled += bytesRead;
      onBytes(bytesRead);
    }
    return bytes;
  } catch (cause) {
    signal?.throwIfAborted();
    if (CheckpointError.isInstance(cause)) throw cause;
    throw new CheckpointError('read', `${name}: ${String(cause)}`, { cause });
  }
}

function versionOf(stats: { dev: bigint; ino: bigint; size: bigint; mtimeNs: bigint }): string {
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs].join(':');
}

async function checkInside(
  path: string,
  { location, name, node }: { location: string; name: string; node: NodeModules },
): Promise<void> {
  const { path: paths } = node;
  const folder = await node.fs.realpath(location);
  const roots = [folder];
  const cache = paths.dirname(paths.dirname(folder));
  if (paths.dirname(folder) === paths.join(cache, 'snapshots')) roots.push(paths.join(cache, 'blobs'));
  if (!roots.some((root) => path.startsWith(root.endsWith(paths.sep) ? root : root + paths.sep))) {
    throw new CheckpointError('path', `${location}: ${name} is a link that leads out of the folder`);
  }
}

/** What `look` gives, or undefined where nothing is there. A circle of links has code `path`. */
async function existing<Result>(look: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await look();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw new CheckpointError('path', String(cause), { cause });
    throw new CheckpointError('read', String(cause), { cause });
  }
}
