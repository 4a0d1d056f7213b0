import { CheckpointError } from '../errors.ts';
import type { FolderKind, FoundFile } from './folder-source.ts';
import type { HubCache, HubFile } from './hub-cache.ts';
import { type Connection, send } from './http-request.ts';
import { TransientFailure, withRetries } from './retry.ts';

type Hub = typeof import('@huggingface/hub');

/** Which repository is read, and how. */
export interface HubOptions {
  /** `owner/name`. */
  readonly name: string;
  readonly revision: string;
  readonly hubUrl: string;
  readonly accessToken: string | undefined;
  readonly connection: Connection;
  readonly cache: HubCache;
}

/**
 * A model repository on the hub, at the commit that its branch or tag has now, so that all files belong together. Files come from the cache,
 * or are fetched into it whole when first read. Without a connection the commit of the last time is used, with the files that are cached.
 */
export async function hubFolder(hub: Hub, options: HubOptions): Promise<FolderKind> {
  const { name, revision, hubUrl, accessToken, connection, cache } = options;
  const fetch: typeof globalThis.fetch = (input, init = {}) =>
    withRetries(() => send(input, init, connection), connection);
  const access = { hubUrl, fetch, ...(accessToken !== undefined && { accessToken }) };
  const repo = { type: 'model', name } as const;
  const known = new Map<string, FoundFile>();
  const { commit, isOffline } = await findCommit();

  async function findCommit(): Promise<{ commit: string; isOffline: boolean }> {
    if (/^[0-9a-f]{40}$/.test(revision)) return { commit: revision, isOffline: false };
    try {
      const { sha } = await hub.modelInfo({ ...access, name, revision, additionalFields: ['sha'] });
      if (!/^[0-9a-f]{40}$/.test(sha))
        throw new CheckpointError('network', `${hubUrl}: the hub gave no commit for ${name} at ${revision}`);
      await cache.rememberCommit(revision, sha);
      return { commit: sha, isOffline: false };
    } catch (cause) {
      const error = hubError(cause, options);
      const remembered = error.code === 'network' ? await cache.commitOf(revision) : undefined;
      if (remembered === undefined) throw error;
      return { commit: remembered, isOffline: true };
    }
  }

  async function findFile(file: string): Promise<FoundFile | undefined> {
    const cached = await cache.find(commit, file);
    if (cached || isOffline) return cached;
    const downloadInfo = await hub
      .fileDownloadInfo({ ...access, repo, path: file, revision: commit })
      .catch((cause: unknown) => {
        throw hubError(cause, options);
      });
    if (!downloadInfo) return undefined;
    const blob = await hub.downloadFile({ ...access, repo, path: file, revision: commit, downloadInfo });
    if (!blob) return undefined;
    return remoteFile(
      { commit, name: file, size: downloadInfo.size, etag: plainEtag(downloadInfo.etag, file) },
      { blob, cache, connection },
    );
  }

  return {
    location: `${name} (hub, commit ${commit.slice(0, 8)})`,
    find: async (file) => {
      const found = known.get(file) ?? (await findFile(file));
      if (found) known.set(file, found);
      return found;
    },
    list: async () => {
      const names: string[] = [];
      try {
        for await (const { type, path } of hub.listFiles({ ...access, repo, revision: commit }))
          if (type === 'file') names.push(path);
      } catch (cause) {
        throw hubError(cause, options);
      }
      return names;
    },
  };
}

/** A file that is fetched into the cache at the first read. */
function remoteFile(
  file: HubFile,
  { blob, cache, connection }: { blob: Blob; cache: HubCache; connection: Connection },
): FoundFile {
  let stored: Promise<FoundFile> | undefined;
  return {
    size: file.size,
    read: async (begin, end, { signal, onBytes }) => {
      stored ??= cache.store(file, () => download(blob, { file, connection, signal, onBytes }));
      stored.catch(() => (stored = undefined));
      const local = await stored;
      return local.read(begin, end, { signal, onBytes: () => {} });
    },
  };
}

interface DownloadOptions {
  readonly file: HubFile;
  readonly connection: Connection;
  readonly signal: AbortSignal | undefined;
  readonly onBytes: (count: number) => void;
}

/** The bytes of a file as they arrive; after a lost connection goes on where it stopped, and an abort ends it even when nothing arrives. */
async function* download(
  blob: Blob,
  { file, connection, signal, onBytes }: DownloadOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let received = 0;
  let reader = blob.stream().getReader();
  const next = (): Promise<Uint8Array<ArrayBuffer> | undefined> =>
    withRetries(async () => {
      try {
        return (await reader.read()).value;
      } catch (cause) {
        reader = blob.slice(received).stream().getReader();
        throw new TransientFailure(
          new CheckpointError('network', `${file.name}: the connection broke off: ${String(cause)}`, { cause }),
        );
      }
    }, connection);
  const stop = (): void => void reader.cancel().catch(() => {}); // no one waits for what is left
  signal?.addEventListener('abort', stop);
  try {
    for (let piece = await next(); piece; piece = await next()) {
      received += piece.length;
      onBytes(piece.length);
      yield piece;
    }
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}

/** The hash in an etag, which becomes a file name in the cache. */
function plainEtag(etag: string, file: string): string {
  const plain = etag.replace(/^W\//, '').replaceAll('"', '');
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{7,127}$/.test(plain))
    throw new CheckpointError('network', `${file}: the hub gave no usable etag`);
  return plain;
}

/** The typed error for what the hub's library threw; an abort goes on as it is. */
function hubError(cause: unknown, { name, revision, accessToken, connection }: HubOptions): CheckpointError {
  connection.signal?.throwIfAborted();
  if (CheckpointError.isInstance(cause)) return cause;
  const status = cause instanceof Error && 'statusCode' in cause ? cause.statusCode : undefined;
  const what = `${name} at ${revision}`;
  if (status === 404) return new CheckpointError('missing-file', `the hub has no model ${what}`, { cause });
  const hint =
    (status === 401 || status === 403) && accessToken === undefined
      ? ' (a private or gated model needs accessToken)'
      : '';
  return new CheckpointError('network', `${what}: ${String(cause)}${hint}`, { cause });
}
