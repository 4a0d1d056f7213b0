import { TrainingError } from '../errors.ts';

/** The calls of a file system that checkpoints are made of. Node's by default; tests put faults in between. */
export interface FileSystem {
  /** Makes a folder and those above it. */
  makeFolder(path: string): Promise<void>;
  /** Names in a folder; none when there is no such folder. */
  list(path: string): Promise<string[]>;
  /** Files in a folder and the folders in it, as `name` or `folder/name`. */
  files(path: string): Promise<string[]>;
  read(path: string): Promise<Uint8Array>;
  /** Writes a whole file anew. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Writes a file unless there is one; says whether it did. */
  create(path: string, bytes: Uint8Array): Promise<boolean>;
  append(path: string, bytes: Uint8Array): Promise<void>;
  /** Returns when a file, or the names in a folder, are safe on the disk. */
  sync(path: string): Promise<void>;
  size(path: string): Promise<number>;
  /** SHA-256 of a file, hexadecimal. */
  hash(path: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file or a whole folder, if it is there. */
  remove(path: string): Promise<void>;
}

/** Writes a file and makes sure that all of it is there: some disks swallow the end in silence. */
export async function writeWhole(
  path: string,
  { bytes, fileSystem }: { bytes: Uint8Array; fileSystem: FileSystem },
): Promise<void> {
  await fileSystem.write(path, bytes);
  const size = await fileSystem.size(path);
  if (size !== bytes.length)
    throw new TrainingError('write', `${path}: ${bytes.length} bytes were written and ${size} are there`);
}

/** What an error says, in words. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** SHA-256 of bytes in pieces, hexadecimal. */
export function sha256(pieces: Iterable<Uint8Array>): string {
  const hash = node().getBuiltinModule('node:crypto').createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** Parts of a path, joined. */
export function joinPath(...parts: string[]): string {
  return node()
    .getBuiltinModule('node:path')
    .join(...parts);
}

/** A path from the root. */
export function resolvePath(path: string): string {
  return node().getBuiltinModule('node:path').resolve(path);
}

/** The last name of a path and the folder that it is in. */
export function splitPath(path: string): { folder: string; name: string } {
  const paths = node().getBuiltinModule('node:path');
  const whole = paths.resolve(path);
  return { folder: paths.dirname(whole), name: paths.basename(whole) };
}

/** The disk, by Node. */
export function nodeFileSystem(): FileSystem {
  const fs = node().getBuiltinModule('node:fs/promises');
  return {
    makeFolder: async (path) => void (await fs.mkdir(path, { recursive: true })),
    list: async (path) => (await fs.readdir(path).catch(emptyIfMissing)).sort(),
    files: async (path) => {
      const entries = await fs.readdir(path, { recursive: true, withFileTypes: true });
      const paths = node().getBuiltinModule('node:path');
      const names = entries
        .filter((entry) => entry.isFile())
        .map((entry) => paths.relative(path, paths.join(entry.parentPath, entry.name)).replaceAll(paths.sep, '/'));
      return names.sort();
    },
    read: (path) => fs.readFile(path),
    write: (path, bytes) => fs.writeFile(path, bytes),
    create: (path, bytes) =>
      fs.writeFile(path, bytes, { flag: 'wx' }).then(
        () => true,
        (cause: unknown) => {
          if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
          throw cause;
        },
      ),
    append: (path, bytes) => fs.appendFile(path, bytes),
    sync: async (path) => {
      const isFolder = (await fs.stat(path)).isDirectory();
      if (isFolder && process.platform === 'win32') return; // Windows opens no folders and needs no such step
      await using handle = await fs.open(path, isFolder ? 'r' : 'r+');
      await handle.sync();
    },
    size: async (path) => (await fs.stat(path)).size,
    hash: async (path) => {
      const hash = node().getBuiltinModule('node:crypto').createHash('sha256');
      for await (const chunk of node()
        .getBuiltinModule('node:fs')
        .createReadStream(path, { highWaterMark: 1 << 20 }))
        hash.update(chunk as Uint8Array);
      return hash.digest('hex');
    },
    rename: (from, to) => fs.rename(from, to),
    remove: (path) => fs.rm(path, { recursive: true, force: true }),
  };
}

/** This process, and whether another one of this machine is there. */
export function processInfo(): { pid: number; host: string; isAlive: (pid: number) => boolean } {
  const own = node();
  const isAlive = (other: number): boolean => {
    try {
      own.kill(other, 0);
      return true;
    } catch (cause) {
      return cause instanceof Error && 'code' in cause && cause.code === 'EPERM'; // it is somebody else's
    }
  };
  return { pid: own.pid, host: own.getBuiltinModule('node:os').hostname(), isAlive };
}

function emptyIfMissing(cause: unknown): string[] {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
  throw cause;
}

/** The process of Node, whose modules are asked for at run time, so that bundlers for browsers never meet them. */
function node(): NodeJS.Process {
  if (typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function') return process;
  throw new TrainingError('output', 'Checkpoints of a run are written by Node: there is no disk here');
}
