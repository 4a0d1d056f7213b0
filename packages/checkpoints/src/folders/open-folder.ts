import { CheckpointError } from '../errors.ts';
import { type FileProgress, type FolderKind, folderSource, type FolderSource } from './folder-source.ts';
import { httpFolder } from './http-folder.ts';
import type { Connection } from './http-request.ts';
import { hubBrowserCache } from './hub-browser-cache.ts';
import { hubDiskCache } from './hub-disk-cache.ts';
import { hubFolder } from './hub-folder.ts';
import { localFolder } from './local-folder.ts';
import { memoryFolder } from './memory-folder.ts';
import { nodeModules } from './node-modules.ts';

/** What {@link openFolder} takes. */
export type FolderLocation = string | ReadonlyMap<string, Blob | Uint8Array> | FolderSource;

/** How {@link openFolder} opens and reads. */
export interface OpenFolderOptions {
  /** Branch, tag or commit on the hub; `main` unless told. */
  readonly revision?: string | undefined;
  /** Where files from the hub are kept (Node); the folder of Python's `huggingface_hub` unless told. */
  readonly cacheFolder?: string | undefined;
  /** For private and gated models on the hub. */
  readonly accessToken?: string | undefined;
  /** Another hub with the same interface. */
  readonly hubUrl?: string | undefined;
  /** In place of the platform's `fetch`. */
  readonly fetch?: typeof fetch | undefined;
  /** Stops this and every later read of the folder. */
  readonly signal?: AbortSignal | undefined;
  /** Hears of each piece that is read. */
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
  /** Further tries after a lost connection or an overloaded server; 3 unless told. */
  readonly retries?: number | undefined;
  /** Milliseconds before the first of them, doubled for each further one; 500 unless told. */
  readonly retryDelay?: number | undefined;
}

/**
 * Opens a folder of files, wherever it lies: a path on disk (Node), a URL (`https://...`; in browsers also `/...` and `./...`), a model on the
 * Hugging Face hub (`owner/name`; a folder of that name on disk goes first), a Map of files, or a source of one's own, which comes back as it is.
 * Throws with code `missing-file` where there is nothing, `unsupported` for a path in a browser, `network` for an unreachable hub.
 *
 * ```ts
 * const folder = await openFolder('openai-community/gpt2', { onProgress: ({ file, loadedBytes }) => console.log(file, loadedBytes) });
 * const config = await readJson(folder, 'config.json');
 * ```
 */
export async function openFolder(location: FolderLocation, options: OpenFolderOptions = {}): Promise<FolderSource> {
  if (typeof location === 'string') return folderSource(await findFolder(location, options), options);
  return location instanceof Map ? folderSource(memoryFolder(location), options) : (location as FolderSource); // no source is a Map
}

async function findFolder(location: string, options: OpenFolderOptions): Promise<FolderKind> {
  const { fetch = globalThis.fetch, signal, retries = 3, retryDelay = 500 } = options;
  const connection: Connection = { fetch, signal, retries, retryDelay };
  signal?.throwIfAborted();
  const url = urlOf(location);
  if (url) return httpFolder(url, connection);
  const node = nodeModules();
  if (node) {
    const stats = await node.fs.stat(location).catch(() => undefined);
    if (stats?.isDirectory()) return localFolder(location, node);
    if (stats) throw new CheckpointError('path', `openFolder: must be a folder, got the file ${location}`);
  }
  if (isHubName(location)) return openHub(location, { ...options, connection });
  if (!node)
    throw new CheckpointError(
      'unsupported',
      `openFolder: a browser has no folder ${location}; give a URL, owner/name or a Map`,
    );
  throw new CheckpointError(
    'missing-file',
    `openFolder: there is no folder ${location}, and it is neither a URL nor owner/name`,
  );
}

async function openHub(name: string, options: OpenFolderOptions & { connection: Connection }): Promise<FolderKind> {
  const { revision = 'main', hubUrl = 'https://huggingface.co', accessToken, cacheFolder, connection } = options;
  if (!isRevision(revision))
    throw new CheckpointError(
      'path',
      `openFolder: revision must be a branch, tag or commit, got ${JSON.stringify(revision)}`,
    );
  const hub = await import('@huggingface/hub');
  const node = nodeModules();
  const cache = node
    ? hubDiskCache(node.path.join(cacheFolder ?? hub.getHFHubCachePath(), `models--${name.replace('/', '--')}`), node)
    : hubBrowserCache(`${hubUrl}/${name}`);
  return hubFolder(hub, { name, revision, hubUrl, accessToken, connection, cache });
}

/** The base of an HTTP folder, with a slash at its end so that names go below it; undefined for what is no URL. */
function urlOf(location: string): URL | undefined {
  const isRelative = /^\.{0,2}\//.test(location) && nodeModules() === undefined;
  if (!isRelative && !/^https?:\/\//i.test(location)) return undefined;
  const url = new URL(location, isRelative ? globalThis.location?.href : undefined);
  if (url.username !== '' || url.password !== '')
    throw new CheckpointError('path', 'openFolder: a URL must not hold a password; give a fetch that adds it');
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

function isHubName(location: string): boolean {
  return (
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}\/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/.test(location) &&
    !location.includes('..') &&
    !location.includes('--')
  );
}

function isRevision(revision: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]*(?:\/[A-Za-z0-9][A-Za-z0-9._-]*)*$/.test(revision) && !revision.includes('..');
}
