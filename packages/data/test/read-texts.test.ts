import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { DataError, readTexts } from '../src/index.ts';

describe('readTexts', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'formers-data-'));
    await mkdir(join(folder, 'more'));
    const files: Record<string, string | Uint8Array> = {
      'b.txt': 'two — größer',
      'a.txt': '\uFEFFone',
      'more/c.txt': 'three',
      'odd[1].txt': 'brackets',
      'empty.dat': ' \n\t',
      'nul.dat': 'ab\0c',
      'utf16.dat': Uint8Array.of(0xff, 0xfe, 0x67, 0),
      'latin1.dat': Uint8Array.of(0x67, 0x72, 0xf6, 0xdf),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('reads files and globs, in order, each once', async () => {
    const files = await readTexts([join(folder, 'b.txt'), join(folder, '**/*.txt'), join(folder, 'odd[1].txt')]);
    expect(files.map(({ path, text }) => [basename(path), text])).toEqual([
      ['b.txt', 'two — größer'],
      ['a.txt', 'one'],
      ['c.txt', 'three'],
      ['odd[1].txt', 'brackets'],
    ]);
    expect((await readTexts(join(folder, 'a.txt')))[0]?.text).toBe('one');
  });

  it.each([
    ['none.txt', 'missing-file', 'no such file: '],
    ['*.none', 'missing-file', 'no file matches '],
    ['more', 'not-a-file', "is a folder; name its files, such as '"],
    ['empty.dat', 'empty', 'is empty'],
    ['nul.dat', 'binary', 'a NUL byte at position 2'],
    ['utf16.dat', 'binary', 'is UTF-16; make it UTF-8'],
    ['latin1.dat', 'binary', 'not valid UTF-8'],
  ])('refuses %s', async (name, code, message) => {
    const error: unknown = await readTexts(join(folder, name)).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(DataError);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain('\n');
  });

  it.skipIf(process.getuid?.() === 0)('refuses what it may not read (skipped for root, who may)', async () => {
    await chmod(join(folder, 'b.txt'), 0);
    await expect(readTexts(join(folder, 'b.txt'))).rejects.toMatchObject({ code: 'unreadable' });
  });
});
