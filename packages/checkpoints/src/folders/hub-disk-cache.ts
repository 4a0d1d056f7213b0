import { CheckpointError } from '../errors.ts';
import { writeFileAtomically } from './atomic-file.ts';
import type { HubCache, HubFile } from './hub-cache.ts';
import { findLocalFile, localFolder } from './local-folder.ts';
import type { NodeModules } from './node-modules.ts';

/**
 * The cache on disk, laid out as Python's `huggingface_hub` does, so that both share downloads:
 * `blobs/HASH` holds the content, `snapshots/COMMIT/NAME` links to it, and `refs/REVISION` holds a commit.
 */
export function hubDiskCache(root: string, node: NodeModules): HubCache {
  const { fs, path } = node;
  const snapshot = (commit: string): string => path.join(root, 'snapshots', commit);
  const reference = (revision: string): string => path.join(root, 'refs', ...revision.split('/'));

  return {
    commitOf: async (revision) => {
      const text = await fs.readFile(reference(revision), 'utf8').catch(() => '');
      return /^[0-9a-f]{40}$/.test(text.trim()) ? text.trim() : undefined;
    },
    rememberCommit: async (revision, commit) => {
      await fs.mkdir(path.dirname(reference(revision)), { recursive: true });
      await writeFileAtomically(reference(revision), { chunks: [new TextEncoder().encode(commit)], node });
    },
    find: (commit, name) => localFolder(snapshot(commit), node).find(name, { signal: undefined }),
    store: async (file, download) => {
      const blob = path.join(root, 'blobs', file.etag);
      await fs.mkdir(path.dirname(blob), { recursive: true });
      if (!(await findLocalFile(blob, { name: file.name, node })))
        await writeFileAtomically(blob, { chunks: verified(file, download(), node), node });
      await fs.mkdir(snapshot(file.commit), { recursive: true });
      await link(blob, { path: path.join(snapshot(file.commit), file.name), node });
      const stored = await findLocalFile(blob, { name: file.name, node });
      if (!stored)
        throw new CheckpointError('missing-file', `${file.name}: was removed from the cache while it was stored`);
      return stored;
    },
  };
}

/** Passes the chunks on, and throws at the end unless size and, where the etag is one, SHA-256 are right. */
async function* verified(
  file: HubFile,
  chunks: AsyncIterable<Uint8Array>,
  { crypto }: NodeModules,
): AsyncGenerator<Uint8Array> {
  const hash = crypto.createHash('sha256');
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    hash.update(chunk);
    yield chunk;
  }
  if (size !== file.size) throw new CheckpointError('range', `${file.name}: wanted ${file.size} bytes, got ${size}`);
  const digest = hash.digest('hex');
  if (file.etag.length === 64 && digest !== file.etag)
    throw new CheckpointError('changed', `${file.name}: must have SHA-256 ${file.etag}, got ${digest}`);
}

/** A relative link, or a copy where the system allows no links. */
async function link(
  blob: string,
  { path: target, node: { fs, path } }: { path: string; node: NodeModules },
): Promise<void> {
  try {
    await fs.symlink(path.relative(path.dirname(target), blob), target);
  } catch (cause) {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    if (!exists) await fs.copyFile(blob, target);
  }
}
