import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import * as huggingFace from '@huggingface/hub';
import { describe, expect, onTestFinished, test, vi } from 'vitest';

import { type FileProgress, openCheckpoint, openFolder, type OpenFolderOptions, readJson } from '../../src/index.ts';
import { folderSource, type FolderSource } from '../../src/folders/folder-source.ts';
import { hubBrowserCache } from '../../src/folders/hub-browser-cache.ts';
import { hubFolder } from '../../src/folders/hub-folder.ts';
import { expectError } from '../support/expect-error.ts';
import { temporaryFolder } from '../support/files.ts';
import { commit, loopbackHub, type LoopbackHub } from '../support/loopback-hub.ts';
import type { Fault } from '../support/loopback-server.ts';
import { entry, headerOf, rawFile } from '../support/safetensors-bytes.ts';

const weights = rawFile(headerOf({ a: entry(0, 200_000) }), { data: new Uint8Array(200_000).fill(5) });
const files = new Map([
  ['config.json', new TextEncoder().encode('{"model_type":"gpt2"}')],
  ['model.safetensors', weights],
]);

interface Setting {
  readonly hub: LoopbackHub;
  readonly options: OpenFolderOptions;
  readonly cache: string;
}

async function setting(): Promise<Setting> {
  const [hub, cacheFolder] = await Promise.all([loopbackHub(files), temporaryFolder()]);
  return {
    hub,
    options: { hubUrl: hub.url, cacheFolder, retries: 2, retryDelay: 1 },
    cache: join(cacheFolder, 'models--owner--tiny'),
  };
}

const resolved = (name: string): string => `/owner/tiny/resolve/${commit}/${name}`;

describe('a model on the hub, cached on disk', () => {
  test('is read at one commit, each file fetched once', async () => {
    const { hub, options, cache } = await setting();
    const events: FileProgress[] = [];
    const folder = await openFolder('owner/tiny', { ...options, onProgress: (event) => events.push(event) });
    expect((await readJson(folder, 'config.json'))['model_type']).toBe('gpt2');
    const checkpoint = await openCheckpoint(folder);
    expect((await checkpoint.read('a')).bytes).toEqual(new Uint8Array(200_000).fill(5));
    expect(await folder.has('tokenizer.json')).toBe(false);

    expect(hub.requests.filter((request) => request === resolved('model.safetensors'))).toHaveLength(1);
    expect(events.findLast(({ file }) => file === 'model.safetensors')).toEqual({
      file: 'model.safetensors',
      loadedBytes: weights.length,
      totalBytes: weights.length,
    });
    expect(await readFile(join(cache, 'refs/main'), 'utf8')).toBe(commit);
    expect(await readlink(join(cache, 'snapshots', commit, 'model.safetensors'))).toMatch(
      /^\.\.[/\\]\.\.[/\\]blobs[/\\][0-9a-f]{64}$/,
    );

    const before = hub.requests.length;
    const again = await openFolder('owner/tiny', options);
    expect(await again.read('model.safetensors')).toEqual(weights);
    expect(hub.requests.slice(before)).toEqual(['/api/models/owner/tiny/revision/main']);
  });

  test('asking whether a file is there does not fetch it', async () => {
    const { hub, options } = await setting();
    expect(await (await openFolder('owner/tiny', options)).has('model.safetensors')).toBe(true);
    expect(hub.requests).toEqual([
      '/api/models/owner/tiny/revision/main',
      `${resolved('model.safetensors')} bytes=0-0`,
    ]);
  });

  test('works without a connection from what was fetched before', async () => {
    const { hub, options } = await setting();
    const online = await openFolder('owner/tiny', options);
    await online.read('config.json');
    await hub.stop();
    const offline = await openFolder('owner/tiny', options);
    expect(await offline.read('config.json')).toEqual(files.get('config.json'));
    expect(await offline.has('model.safetensors')).toBe(false);
    await expectError('network', () => openFolder('owner/tiny', { ...options, revision: 'v2' }));
  });

  test('a commit as revision is not looked up', async () => {
    const { hub, options } = await setting();
    await (await openFolder('owner/tiny', { ...options, revision: commit })).read('config.json');
    expect(hub.requests.some((request) => request.startsWith('/api/'))).toBe(false);
  });

  test('reads what huggingface_hub of Python left in the same cache', async () => {
    const { hub, options, cache } = await setting();
    await mkdir(join(cache, 'snapshots', commit), { recursive: true });
    await writeFile(join(cache, 'snapshots', commit, 'config.json'), '{"model_type":"bert"}');
    const folder = await openFolder('owner/tiny', options);
    expect((await readJson(folder, 'config.json'))['model_type']).toBe('bert');
    expect(hub.requests).toHaveLength(1);
  });

  test('content that is there already under another commit is linked, not fetched', async () => {
    const { hub, options, cache } = await setting();
    await (await openFolder('owner/tiny', options)).read('model.safetensors');
    await rm(join(cache, 'snapshots'), { recursive: true });
    await (await openFolder('owner/tiny', options)).read('model.safetensors');
    expect(hub.requests.filter((request) => request === resolved('model.safetensors'))).toHaveLength(1);
  });

  test('a lost connection goes on where it stopped', async () => {
    const { hub, options } = await setting();
    let onPiece = (): void => undefined;
    const folder = await openFolder('owner/tiny', { ...options, onProgress: () => onPiece() });
    await folder.size('model.safetensors');
    const half: Fault = (_, response) => {
      response.writeHead(200, { 'content-length': weights.length });
      response.write(weights.subarray(0, 1000));
      onPiece = () => void response.destroy();
    };
    hub.faults.push(half);
    expect(await folder.read('model.safetensors')).toEqual(weights);
    expect(hub.requests.at(-1)).toBe(`${resolved('model.safetensors')} bytes=1000-${weights.length - 1}`);
  });

  test('content with another hash is refused and not kept', async () => {
    const { hub, options, cache } = await setting();
    hub.wrongHash = '0'.repeat(64);
    const folder = await openFolder('owner/tiny', options);
    await expectError('changed', () => folder.read('model.safetensors'));
    expect(await readdir(join(cache, 'blobs'))).toEqual([]);
    hub.wrongHash = undefined;
    expect(await (await openFolder('owner/tiny', options)).read('model.safetensors')).toEqual(weights);
  });

  test('a hash that would be a path is refused', async () => {
    const { hub, options } = await setting();
    hub.wrongHash = '../../evil';
    await expectError('network', async () => (await openFolder('owner/tiny', options)).size('model.safetensors'));
  });

  test('an overloaded hub is asked again', async () => {
    const { hub, options } = await setting();
    const busy: Fault = (_, response) => void response.writeHead(503).end();
    hub.faults.push(busy, busy);
    expect(await (await openFolder('owner/tiny', options)).has('config.json')).toBe(true);
  });

  test('an abort while fetching leaves nothing behind', async () => {
    const { hub, options, cache } = await setting();
    const folder = await openFolder('owner/tiny', options);
    await folder.size('model.safetensors');
    const controller = new AbortController();
    hub.faults.push((_, response) => {
      response.writeHead(200, { 'content-length': weights.length });
      response.write(weights.subarray(0, 1000), () => {
        setTimeout(() => controller.abort(new Error('enough')), 20);
        setTimeout(() => response.write(weights.subarray(1000, 2000)), 100);
      });
    });
    await expect(folder.read('model.safetensors', { signal: controller.signal })).rejects.toThrow('enough');
    expect(await readdir(join(cache, 'blobs'))).toEqual([]);
    expect(await folder.read('model.safetensors')).toEqual(weights);
  });

  test('lists the files', async () => {
    const { options } = await setting();
    expect(await (await openFolder('owner/tiny', options)).list?.()).toEqual(['config.json', 'model.safetensors']);
  });

  test('an unknown model', async () => {
    const { options } = await setting();
    const error = await expectError('network', () => openFolder('owner/other', options));
    expect(error.message).toContain('accessToken');
  });

  test('a model that was removed, and an answer without a commit', async () => {
    const { hub, options } = await setting();
    hub.faults.push((_, response) => void response.writeHead(404).end());
    await expectError('missing-file', () => openFolder('owner/tiny', options));
    const odd: Fault = (_, response) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end('{"sha":"../..","id":"x"}');
    hub.faults.push(odd);
    await expectError('network', () => openFolder('owner/tiny', options));
  });

  test.for(['../main', 'a/../b', '/main', 'a//b', '', 'a b'])('the revision %j is refused', async (revision) => {
    const { hub, options } = await setting();
    await expectError('path', () => openFolder('owner/tiny', { ...options, revision }));
    expect(hub.requests).toEqual([]);
  });

  test.for(['../tiny', 'a/b/c', 'owner/..', 'owner/a--b', 'owner/ tiny', '-a/b'])(
    '%j is no model name',
    async (name) => {
      const { hub, options } = await setting();
      await expectError('missing-file', () => openFolder(name, options));
      expect(hub.requests).toEqual([]);
    },
  );

  test('a folder of that name on disk goes first', async () => {
    const { hub, options } = await setting();
    const parent = await temporaryFolder();
    await mkdir(join(parent, 'owner/tiny'), { recursive: true });
    const before = process.cwd();
    onTestFinished(() => process.chdir(before));
    process.chdir(parent);
    expect((await openFolder('owner/tiny', options)).location).toBe('owner/tiny');
    expect(hub.requests).toEqual([]);
  });
});

describe('cached by a browser', () => {
  /** As much of the Cache API as is used. */
  function fakeCaches({ full = false } = {}): { entries: Map<string, Blob>; open: (name: string) => Promise<unknown> } {
    const entries = new Map<string, Blob>();
    const cache = {
      match: (address: string) =>
        Promise.resolve(entries.has(address) ? new Response(entries.get(address)) : undefined),
      put: async (address: string, response: Response) => {
        if (full) throw new DOMException('full', 'QuotaExceededError');
        entries.set(address, await response.blob());
      },
    };
    return { entries, open: () => Promise.resolve(cache) };
  }

  async function open(hub: LoopbackHub): Promise<FolderSource> {
    const connection = { fetch, signal: undefined, retries: 1, retryDelay: 1 };
    const cache = hubBrowserCache(`${hub.url}/owner/tiny`);
    return folderSource(
      await hubFolder(huggingFace, {
        name: 'owner/tiny',
        revision: 'main',
        hubUrl: hub.url,
        accessToken: undefined,
        connection,
        cache,
      }),
    );
  }

  test('fetches once, then reads from the cache, also without a connection', async () => {
    const caches = fakeCaches();
    vi.stubGlobal('caches', caches);
    const hub = await loopbackHub(files);
    expect(await (await open(hub)).read('model.safetensors')).toEqual(weights);
    expect([...caches.entries.keys()]).toEqual([
      `${hub.url}/owner/tiny/refs/main`,
      hub.url + resolved('model.safetensors'),
    ]);
    await hub.stop();
    const offline = await open(hub);
    expect(await offline.readRange('model.safetensors', 8, 10)).toEqual(weights.subarray(8, 10));
    expect(await offline.has('config.json')).toBe(false);
    vi.unstubAllGlobals();
  });

  test.for([
    ['a full cache', fakeCaches({ full: true })],
    ['no cache', undefined],
  ] as const)('%s: reads all the same', async ([, caches]) => {
    vi.stubGlobal('caches', caches);
    const folder = await open(await loopbackHub(files));
    expect(await folder.read('config.json')).toEqual(files.get('config.json'));
    expect(await folder.readRange('model.safetensors', 0, 8)).toEqual(weights.subarray(0, 8));
    vi.unstubAllGlobals();
  });
});
