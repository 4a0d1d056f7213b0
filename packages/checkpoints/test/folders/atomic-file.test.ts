import * as crypto from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

import { describe, expect, test } from 'vitest';

import { writeFileAtomically } from '../../src/folders/atomic-file.ts';
import { hubDiskCache } from '../../src/folders/hub-disk-cache.ts';
import type { NodeModules } from '../../src/folders/node-modules.ts';
import { expectError } from '../support/expect-error.ts';
import { temporaryFolder } from '../support/files.ts';

type FileHandle = Awaited<ReturnType<typeof fs.open>>;

/** A failure as the operating system reports it. */
function systemError(syscall: string, code = 'EIO'): Error {
  return Object.assign(new Error(`${code}: i/o error, ${syscall}`), { code, syscall });
}

/** Node's modules with some functions replaced, also those of opened files. */
function nodeWith({ handle = {}, ...replaced }: Partial<typeof fs> & { handle?: Partial<FileHandle> }): NodeModules {
  const open: typeof fs.open = async (...parameters) => Object.assign(await fs.open(...parameters), handle);
  return { fs: { ...fs, open, ...replaced }, path, crypto };
}

async function* chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  yield Uint8Array.of(1, 2, 3);
  yield Uint8Array.of(1, 2, 3, 4, 5);
}

describe('a failure at any step leaves the old file, and no temporary one', () => {
  test.for<[string, () => NodeModules]>([
    ['open', () => nodeWith({ open: () => Promise.reject(systemError('open', 'ENOSPC')) })],
    ['write', () => nodeWith({ handle: { write: () => Promise.reject(systemError('write', 'ENOSPC')) } })],
    ['fsync', () => nodeWith({ handle: { sync: () => Promise.reject(systemError('fsync')) } })],
    ['rename', () => nodeWith({ rename: () => Promise.reject(systemError('rename')) })],
  ])('%s', async ([, node]) => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'a.bin');
    await fs.writeFile(file, 'old');
    const error = await expectError('write', () => writeFileAtomically(file, { chunks: chunks(), node: node() }));
    expect(error.message).toContain(file);
    expect(await fs.readFile(file, 'utf8')).toBe('old');
    expect(await fs.readdir(folder)).toEqual(['a.bin']);
  });

  test('the source of the bytes', async () => {
    const folder = await temporaryFolder();
    const failing = async function* (): AsyncGenerator<Uint8Array> {
      yield* chunks();
      throw new RangeError('no more');
    };
    const writing = writeFileAtomically(path.join(folder, 'a.bin'), { chunks: failing(), node: nodeWith({}) });
    await expect(writing).rejects.toThrow(new RangeError('no more'));
    expect(await fs.readdir(folder)).toEqual([]);
  });
});

test('writes that take only a part of the bytes are gone on with', async () => {
  const file = path.join(await temporaryFolder(), 'a.bin');
  const node = nodeWith({});
  const open: typeof fs.open = async (...parameters) => {
    const handle = await fs.open(...parameters);
    const write = handle.write.bind(handle);
    return Object.assign(handle, { write: (bytes: Uint8Array, offset: number) => write(bytes, offset, 1) });
  };
  await writeFileAtomically(file, { chunks: chunks(), node: { ...node, fs: { ...node.fs, open } } });
  expect([...(await fs.readFile(file))]).toEqual([1, 2, 3, 1, 2, 3, 4, 5]);
});

test('a system that cannot flush folders, as Windows', async () => {
  const folder = await temporaryFolder();
  const open: typeof fs.open = (target, ...rest) =>
    target === folder ? Promise.reject(systemError('open', 'EISDIR')) : fs.open(target, ...rest);
  await writeFileAtomically(path.join(folder, 'a.bin'), { chunks: chunks(), node: nodeWith({ open }) });
  expect(await fs.readdir(folder)).toEqual(['a.bin']);
});

test('the hub cache copies where the system allows no links', async () => {
  const root = await temporaryFolder();
  const node = nodeWith({ symlink: () => Promise.reject(systemError('symlink', 'EPERM')) });
  const cache = hubDiskCache(root, node);
  const commit = 'c'.repeat(40);
  const stored = await cache.store({ commit, name: 'a.bin', size: 8, etag: 'e'.repeat(40) }, chunks);
  expect(stored.size).toBe(8);
  expect((await fs.lstat(path.join(root, 'snapshots', commit, 'a.bin'))).isFile()).toBe(true);
  expect((await cache.find(commit, 'a.bin'))?.size).toBe(8);
  await expectError('range', () => cache.store({ commit, name: 'b.bin', size: 9, etag: 'f'.repeat(40) }, chunks));
  expect(await cache.find(commit, 'b.bin')).toBe(undefined);
});
