import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rename, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { getuid } from 'node:process';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { CheckpointError, type FileProgress, type FolderSource, openFolder } from '../../src/index.ts';
import { expectError } from '../support/expect-error.ts';
import { temporaryFolder } from '../support/files.ts';
import { loopbackServer } from '../support/loopback-server.ts';
import { counting } from '../support/safetensors-bytes.ts';

const files = new Map([
  ['a.bin', counting(10)],
  ['empty.bin', new Uint8Array()],
]);

const kinds: readonly (readonly [string, () => Promise<FolderSource>])[] = [
  ['a Map of bytes', () => openFolder(files)],
  [
    'a Map of Blobs',
    () => openFolder(new Map([...files].map(([name, bytes]) => [name, new Blob([new Uint8Array(bytes)])]))),
  ],
  [
    'a local folder',
    async () => {
      const folder = await temporaryFolder();
      for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
      return openFolder(folder);
    },
  ],
  ['HTTP with ranges', async () => openFolder((await loopbackServer(files)).url)],
  [
    'HTTP without ranges',
    async () => {
      const server = await loopbackServer(files);
      server.ranges = false;
      return openFolder(server.url.slice(0, -1));
    },
  ],
];

describe.for(kinds)('%s', ([, open]) => {
  test('reads files whole and in parts', async () => {
    const folder = await open();
    expect([await folder.has('a.bin'), await folder.has('b.bin')]).toEqual([true, false]);
    expect(await folder.size('a.bin')).toBe(10);
    expect([...(await folder.read('a.bin'))]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([...(await folder.readRange('a.bin', 2, 5))]).toEqual([3, 4, 5]);
    expect([...(await folder.readRange('a.bin', 9, 10))]).toEqual([10]);
    expect([...(await folder.readRange('a.bin', 10, 10))]).toEqual([]);
    expect([...(await folder.read('empty.bin'))]).toEqual([]);
  });

  test('a range needs no call before', async () => {
    expect([...(await (await open()).readRange('a.bin', 0, 2))]).toEqual([1, 2]);
  });

  test('what is read is a copy', async () => {
    const folder = await open();
    (await folder.read('a.bin')).fill(0);
    expect([...(await folder.readRange('a.bin', 0, 2))]).toEqual([1, 2]);
  });

  test('a file that is not there', async () => {
    const folder = await open();
    await expectError('missing-file', () => folder.read('b.bin'));
    await expectError('missing-file', () => folder.size('b.bin'));
    await expectError('missing-file', () => folder.readRange('b.bin', 0, 1));
  });

  test.for([
    [0, 11],
    [11, 11],
    [-1, 2],
    [5, 4],
    [0, 1.5],
    [NaN, 1],
  ])('the range %j is refused', async ([begin, end]) => {
    const folder = await open();
    await expectError('range', () => folder.readRange('a.bin', begin!, end!));
  });

  test('a file larger than allowed', async () => {
    const folder = await open();
    await expectError('too-large', () => folder.read('a.bin', { maxBytes: 9 }));
    expect(await folder.read('a.bin', { maxBytes: 10 })).toHaveLength(10);
  });

  test('a signal that is already aborted', async () => {
    const folder = await open();
    const reason = new Error('enough');
    await expect(folder.read('a.bin', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

test('progress counts each byte once', async () => {
  const events: FileProgress[] = [];
  const folder = await openFolder(files, { onProgress: (event) => events.push(event) });
  await folder.readRange('a.bin', 0, 4);
  await folder.readRange('a.bin', 4, 10);
  await folder.read('a.bin');
  expect(events.map(({ file, loadedBytes, totalBytes }) => [file, loadedBytes, totalBytes])).toEqual([
    ['a.bin', 4, 10],
    ['a.bin', 10, 10],
    ['a.bin', 10, 10],
  ]);
});

test("the folder's own signal stops later reads", async () => {
  const controller = new AbortController();
  const folder = await openFolder(files, { signal: controller.signal });
  expect(await folder.has('a.bin')).toBe(true);
  controller.abort();
  await expect(folder.read('a.bin')).rejects.toThrow('aborted');
  await expect(openFolder('anything', { signal: controller.signal })).rejects.toThrow('aborted');
});

test('lists allowed names only', async () => {
  const folder = await temporaryFolder();
  for (const name of ['b.json', 'a.txt', '.hidden', 'with blank']) await writeFile(join(folder, name), '');
  await mkdir(join(folder, 'inner'));
  expect((await (await openFolder(folder)).list?.())?.toSorted()).toEqual(['a.txt', 'b.json']);
  expect(
    await (
      await openFolder(
        new Map([
          ['a', new Uint8Array()],
          ['../b', new Uint8Array()],
        ]),
      )
    ).list?.(),
  ).toEqual(['a']);
});

test("a source of one's own comes back as it is", async () => {
  const own = await openFolder(files);
  expect(await openFolder(own)).toBe(own);
});

describe('locations', () => {
  test('nothing there', async () => {
    await expectError('missing-file', () => openFolder('./no/such/folder'));
    await expectError('missing-file', () => openFolder('no-such-folder'));
    await expectError('missing-file', () => openFolder(''));
  });

  test('a file in place of a folder', async () => {
    const file = join(await temporaryFolder(), 'file');
    await writeFile(file, '');
    await expectError('path', () => openFolder(file));
  });

  test('a URL with a password, which no message repeats', async () => {
    const error = await expectError('path', () => openFolder('https://user:secret@example.org/'));
    expect(error.message).not.toContain('secret');
  });

  test('queries and fragments of a URL are left out', async () => {
    const server = await loopbackServer(files);
    const folder = await openFolder(`${server.url.slice(0, -1)}?x=../#y`);
    expect(await folder.size('a.bin')).toBe(10);
    expect(server.requests).toEqual(['GET /files/a.bin bytes=0-65535']);
  });
});

describe('a local folder', () => {
  test('a link that leads out is refused, one that stays within is followed', async () => {
    const outside = await temporaryFolder();
    const inside = await temporaryFolder();
    await writeFile(join(outside, 'secret.json'), '{}');
    await writeFile(join(inside, 'real.json'), '{"a":1}');
    await symlink(join(outside, 'secret.json'), join(inside, 'config.json'));
    await symlink('real.json', join(inside, 'alias.json'));
    const folder = await openFolder(inside);
    await expectError('path', () => folder.read('config.json'));
    await expectError('path', () => folder.has('config.json'));
    expect(new TextDecoder().decode(await folder.read('alias.json'))).toBe('{"a":1}');
  });

  test('a sibling whose name begins alike is outside', async () => {
    const parent = await temporaryFolder();
    await mkdir(join(parent, 'model'));
    await mkdir(join(parent, 'model-secret'));
    await writeFile(join(parent, 'model-secret/a.json'), '{}');
    await symlink('../model-secret/a.json', join(parent, 'model/a.json'));
    await expectError('path', async () => (await openFolder(join(parent, 'model'))).read('a.json'));
  });

  test('a folder reached through a link is a folder', async () => {
    const parent = await temporaryFolder();
    await mkdir(join(parent, 'real'));
    await writeFile(join(parent, 'real/a.json'), '{}');
    await symlink('real', join(parent, 'link'));
    expect(await (await openFolder(join(parent, 'link'))).size('a.json')).toBe(2);
  });

  test('a snapshot in the cache of Hugging Face, whose files are links to the blobs beside, and nowhere else', async () => {
    const cache = await temporaryFolder();
    const snapshot = join(cache, 'models--a--b/snapshots/1234');
    await mkdir(snapshot, { recursive: true });
    await mkdir(join(cache, 'models--a--b/blobs'));
    await writeFile(join(cache, 'models--a--b/blobs/feed'), '{}');
    await writeFile(join(cache, 'other.json'), '{}');
    await symlink('../../blobs/feed', join(snapshot, 'config.json'));
    await symlink('../../../other.json', join(snapshot, 'other.json'));
    const folder = await openFolder(snapshot);
    expect(await folder.size('config.json')).toBe(2);
    await expectError('path', () => folder.size('other.json'));
  });

  test('a circle of links', async () => {
    const folder = await temporaryFolder();
    await symlink('b.json', join(folder, 'a.json'));
    await symlink('a.json', join(folder, 'b.json'));
    await expectError('path', async () => (await openFolder(folder)).read('a.json'));
  });

  test('a broken link is a missing file', async () => {
    const folder = await temporaryFolder();
    await symlink('nothing', join(folder, 'a.json'));
    await expectError('missing-file', async () => (await openFolder(folder)).read('a.json'));
  });

  test('a folder in place of a file is missing, and a pipe is refused rather than waited for', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'inner'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    const source = await openFolder(folder);
    expect(await source.has('inner')).toBe(false);
    await expectError('path', () => source.read('pipe'));
  });

  test('a file that is replaced, rewritten or cut off between two reads', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'a.bin');
    const source = await openFolder(folder);
    const changes: (() => Promise<void>)[] = [
      async () => {
        await writeFile(join(folder, 'new.bin'), counting(10));
        await rename(join(folder, 'new.bin'), path);
      },
      () => utimes(path, 1, 1),
      () => truncate(path, 5),
    ];
    for (const change of changes) {
      await writeFile(path, counting(10));
      await source.size('a.bin');
      expect(await source.readRange('a.bin', 0, 5)).toHaveLength(5);
      await change();
      await expectError('changed', () => source.readRange('a.bin', 0, 5));
      await source.size('a.bin'); // begins anew
      expect(await source.readRange('a.bin', 0, 5)).toHaveLength(5);
    }
  });

  test.skipIf(getuid?.() === 0)('a file that may not be read', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a.bin'), counting(3));
    await chmod(join(folder, 'a.bin'), 0);
    await expectError('read', async () => (await openFolder(folder)).read('a.bin'));
  });
});

test('a dropped file that was changed since', async () => {
  const blob = new Blob([new Uint8Array(counting(3))]);
  const part = blob.slice(0, 3);
  part.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
  blob.slice = () => part;
  await expectError('changed', async () => (await openFolder(new Map([['a.bin', blob]]))).read('a.bin'));
});

test('errors are recognised across copies of the package', () => {
  expect(CheckpointError.isInstance(new CheckpointError('json', 'x'))).toBe(true);
  expect(CheckpointError.isInstance(Object.assign(new Error('x'), { name: 'CheckpointError', code: 'json' }))).toBe(
    true,
  );
  expect(CheckpointError.isInstance(new Error('x'))).toBe(false);
  expect(CheckpointError.isInstance({ name: 'CheckpointError', code: 'json' })).toBe(false);
  expect(CheckpointError.isInstance(undefined)).toBe(false);
});
