import { concatenate } from '../concatenate.ts';
import { CheckpointError } from '../errors.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { checkFileName } from './file-names.ts';
import { listFiles } from './local-folder.ts';
import { nodeModules, type NodeModules } from './node-modules.ts';

/** What a file is written from. */
export type FileContent = string | Uint8Array | readonly Uint8Array[];

/** A place to which files are written; see {@link openTarget}. Names are plain file names; others throw with code `path`. */
export interface FolderTarget {
  /** Where it is, for messages. */
  readonly location: string;
  /** Writes a file, whole or not at all: a text in UTF-8, bytes, or many pieces of bytes one after another. */
  write(name: string, content: FileContent): Promise<void>;
  /** Removes a file if it is there. */
  remove?(name: string): Promise<void>;
  /** Names of the files. */
  list?(): Promise<string[]>;
}

/**
 * A place to write to: a folder on disk (Node), which is made when first written to, a Map that takes the files, or
 * a target of one's own, which comes back as it is. On disk each file appears
 * under its name only when it is complete and flushed. Throws with code `unsupported` for a path in a browser; writing throws with `write`.
 *
 * ```ts
 * await saveCheckpoint(openTarget('checkpoints/tiny'), tensors);
 * ```
 */
export function openTarget(location: string | Map<string, Uint8Array> | FolderTarget): FolderTarget {
  if (typeof location !== 'string') return location instanceof Map ? memoryTarget(location) : location;
  const node = nodeModules();
  if (!node) throw new CheckpointError('unsupported', `openTarget: a browser has no folder ${location}; give a Map`);
  return localTarget(location, node);
}

/** A place in memory; its `files` can be read with {@link openFolder}. */
export function memoryTarget(
  files: Map<string, Uint8Array> = new Map(),
): FolderTarget & { readonly files: Map<string, Uint8Array> } {
  return {
    location: 'memory',
    files,
    write: (name, content) => {
      checkFileName(name);
      files.set(name, concatenate(piecesOf(content)));
      return Promise.resolve();
    },
    remove: (name) => Promise.resolve(void files.delete(name)),
    list: () => Promise.resolve([...files.keys()]),
  };
}

function localTarget(location: string, node: NodeModules): FolderTarget {
  const { fs, path } = node;
  const failure = (cause: unknown): never => {
    throw new CheckpointError('write', `${location}: ${String(cause)}`, { cause });
  };
  return {
    location,
    write: async (name, content) => {
      checkFileName(name);
      await fs.mkdir(location, { recursive: true }).catch(failure);
      await writeFileAtomically(path.join(location, name), { chunks: piecesOf(content), node });
    },
    remove: async (name) => {
      checkFileName(name);
      await fs.rm(path.join(location, name), { force: true }).catch(failure);
    },
    list: () => listFiles(location, node),
  };
}

function piecesOf(content: FileContent): readonly Uint8Array[] {
  if (typeof content === 'string') return [new TextEncoder().encode(content)];
  return content instanceof Uint8Array ? [content] : content;
}
