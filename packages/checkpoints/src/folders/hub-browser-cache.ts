import type { HubCache } from './hub-cache.ts';
import { blobFile } from './memory-folder.ts';

/**
 * The cache of a browser, through its Cache API (only on secure pages; without it files stay in memory while the folder is used).
 * Addresses hold the commit, so what is cached never goes stale.
 */
export function hubBrowserCache(repository: string): HubCache {
  const open = async (): Promise<Cache | undefined> =>
    typeof caches === 'undefined' ? undefined : caches.open('formers-checkpoints');
  const addressOf = (commit: string, name: string): string => `${repository}/resolve/${commit}/${name}`;

  const keep = async (address: string, content: Blob | string): Promise<void> => {
    try {
      await (await open())?.put(address, new Response(content));
    } catch {
      // A full or forbidden store: the file is read from memory this time and fetched again the next.
    }
  };

  return {
    commitOf: async (revision) => (await (await open())?.match(`${repository}/refs/${revision}`))?.text(),
    rememberCommit: (revision, commit) => keep(`${repository}/refs/${revision}`, commit),
    find: async (commit, name) => {
      const response = await (await open())?.match(addressOf(commit, name));
      return response && blobFile(await response.blob(), name);
    },
    store: async (file, download) => {
      const pieces: Uint8Array<ArrayBuffer>[] = [];
      for await (const piece of download()) pieces.push(piece);
      const blob = new Blob(pieces);
      await keep(addressOf(file.commit, file.name), blob);
      return blobFile(blob, file.name);
    },
  };
}
