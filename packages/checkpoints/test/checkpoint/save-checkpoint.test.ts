import { mkdir, open as openFile, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import {
  type FolderTarget,
  memoryTarget,
  openCheckpoint,
  openFolder,
  openTarget,
  saveCheckpoint,
  type StoredTensor,
} from '../../src/index.ts';
import { collect } from '../support/collect.ts';
import { expectError } from '../support/expect-error.ts';
import { filesOf, fixtures, temporaryFolder } from '../support/files.ts';
import { counting } from '../support/safetensors-bytes.ts';

const tensor = (count: number): StoredTensor => ({ dtype: 'U8', shape: [count], bytes: counting(count) });

/** The tensors of a folder, in the order of their modules: that in which Transformers went over them. */
async function gpt2Tensors(): Promise<[string, StoredTensor][]> {
  const tensors = new Map(
    await collect((await openCheckpoint(await openFolder(join(fixtures, 'gpt2-sharded')))).readAll()),
  );
  const parts = ['ln_1', 'attn.c_attn', 'attn.c_proj', 'ln_2', 'mlp.c_fc', 'mlp.c_proj'];
  const layers = [0, 1, 2].flatMap((layer) => parts.map((part) => `h.${layer}.${part}`));
  const names = [
    'wte.weight',
    'wpe.weight',
    ...[...layers, 'ln_f'].flatMap((module) => [`${module}.weight`, `${module}.bias`]),
  ];
  expect(names).toHaveLength(tensors.size);
  return names.map((name) => [`transformer.${name}`, tensors.get(`transformer.${name}`)!]);
}

describe('as Transformers saves', () => {
  test('five shards and their index, byte for byte', async () => {
    const target = memoryTarget();
    const written = await saveCheckpoint(target, await gpt2Tensors(), { maxShardBytes: 24_000 });
    const original = filesOf(join(fixtures, 'gpt2-sharded'));
    expect(written).toEqual([...original.keys()].filter((name) => name.startsWith('model')).toSorted());
    for (const name of written)
      expect(Buffer.from(target.files.get(name)!).equals(original.get(name)!), name).toBe(true);
  });

  test('one file, byte for byte', async () => {
    const checkpoint = await openCheckpoint(await openFolder(join(fixtures, 'llama-bf16')));
    const target = memoryTarget();
    expect(await saveCheckpoint(target, checkpoint.readAll())).toEqual(['model.safetensors']);
    expect(Buffer.from(target.files.get('model.safetensors')!)).toEqual(
      await readFile(join(fixtures, 'llama-bf16/model.safetensors')),
    );
  });
});

describe('shards', () => {
  /** Which tensors go where, by the rule of huggingface_hub. */
  async function split(sizes: Record<string, number>, maxShardBytes: number): Promise<string[][]> {
    const target = memoryTarget();
    const written = await saveCheckpoint(
      target,
      Object.entries(sizes).map(([name, size]) => [name, tensor(size)]),
      { maxShardBytes },
    );
    const folder = await openFolder(target.files);
    const files = written.filter((name) => name.endsWith('.safetensors'));
    return Promise.all(files.map(async (fileName) => [...(await openCheckpoint(folder, { fileName })).names]));
  }

  test('filled in order, without looking for a better fit', async () => {
    expect(await split({ a: 6, b: 6, c: 2, d: 6, e: 2, f: 2 }, 10)).toEqual([['a'], ['b', 'c'], ['d', 'e', 'f']]);
  });

  test('a tensor above the limit is alone, before the shard being filled', async () => {
    expect(await split({ a: 3, b: 11, c: 3 }, 10)).toEqual([['b'], ['a', 'c']]);
  });

  test('exactly the limit fits', async () => {
    expect(await split({ a: 5, b: 5 }, 10)).toEqual([['a', 'b']]);
    expect(await split({ a: 5, b: 6 }, 10)).toEqual([['a'], ['b']]);
  });

  test('no tensors are one empty file', async () => {
    expect(await split({}, 10)).toEqual([[]]);
  });

  test('the index tells sizes and places', async () => {
    const target = memoryTarget();
    await saveCheckpoint(
      target,
      [
        ['b', { dtype: 'I16', shape: [2, 2], bytes: counting(8) }],
        ['a', tensor(9)],
      ],
      { maxShardBytes: 9, fileName: 'adapter_model.safetensors' },
    );
    expect(JSON.parse(new TextDecoder().decode(target.files.get('adapter_model.safetensors.index.json')))).toEqual({
      metadata: { total_parameters: 13, total_size: 17 },
      weight_map: { a: 'adapter_model-00002-of-00002.safetensors', b: 'adapter_model-00001-of-00002.safetensors' },
    });
    const checkpoint = await openCheckpoint(await openFolder(target.files), { fileName: 'adapter_model.safetensors' });
    expect(await checkpoint.read('a')).toEqual(tensor(9));
    expect([...checkpoint.metadata]).toEqual([['format', 'pt']]);
  });

  test('limits that are none', async () => {
    for (const maxShardBytes of [0, -1, NaN])
      await expectError('value', () => saveCheckpoint(memoryTarget(), [], { maxShardBytes }));
  });
});

describe('saving again', () => {
  const three: [string, StoredTensor][] = [
    ['a', tensor(4)],
    ['b', tensor(4)],
    ['c', tensor(4)],
  ];

  test.for([
    ['one file after shards', 4, 100],
    ['shards after one file', 100, 4],
    ['fewer shards', 4, 8],
    ['more shards', 8, 4],
  ] as const)('%s: only the new files stay, others are not touched', async ([, before, after]) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'config.json'), '{}');
    await writeFile(join(folder, 'model_old.safetensors'), '');
    await writeFile(join(folder, 'optimizer.safetensors'), '');
    await saveCheckpoint(openTarget(folder), three, { maxShardBytes: before });
    const changed = three.map(([name]): [string, StoredTensor] => [
      name,
      { dtype: 'I8', shape: [4], bytes: counting(4) },
    ]);
    const written = await saveCheckpoint(openTarget(folder), changed, { maxShardBytes: after });
    expect((await readdir(folder)).toSorted()).toEqual(
      [...written, 'config.json', 'model_old.safetensors', 'optimizer.safetensors'].toSorted(),
    );
    expect((await openCheckpoint(await openFolder(folder))).info('b').dtype).toBe('I8');
  });

  test('a tensor that cannot be written leaves everything as it was', async () => {
    const target = memoryTarget();
    await saveCheckpoint(target, three);
    const before = target.files.get('model.safetensors');
    await expectError('shape', () =>
      saveCheckpoint(target, [...three, ['d', { ...tensor(1), shape: [2] }]], { maxShardBytes: 4 }),
    );
    await expectError('name', () => saveCheckpoint(target, [...three, ['a', tensor(1)]], { maxShardBytes: 4 }));
    expect([...target.files]).toEqual([['model.safetensors', before]]);
  });

  test('into the folder that is being read', async () => {
    const folder = await temporaryFolder();
    await saveCheckpoint(openTarget(folder), three);
    const source = await openFolder(folder);
    await saveCheckpoint(openTarget(folder), (await openCheckpoint(source)).readAll(), { maxShardBytes: 4 });
    const all = await collect((await openCheckpoint(source)).readAll());
    expect(all).toEqual(three);
  });

  test('an opened checkpoint notices that its file was replaced', async () => {
    const folder = await temporaryFolder();
    await saveCheckpoint(openTarget(folder), three);
    const checkpoint = await openCheckpoint(await openFolder(folder));
    await saveCheckpoint(openTarget(folder), three);
    await expectError('changed', () => checkpoint.read('a'));
  });
});

describe('targets', () => {
  test('make the folder, and leave no temporary files', async () => {
    const folder = join(await temporaryFolder(), 'new/inner');
    const target = openTarget(folder);
    expect(await target.list?.()).toEqual([]);
    await target.write('a.txt', 'é');
    await target.write('b.bin', Uint8Array.of(1, 2));
    await target.write('c.bin', [Uint8Array.of(1), new Uint8Array(), Uint8Array.of(2, 3)]);
    expect((await readdir(folder)).toSorted()).toEqual(['a.txt', 'b.bin', 'c.bin']);
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('é');
    expect([...(await readFile(join(folder, 'c.bin')))]).toEqual([1, 2, 3]);
    expect((await target.list?.())?.toSorted()).toEqual(['a.txt', 'b.bin', 'c.bin']);
    await target.remove?.('a.txt');
    await target.remove?.('a.txt');
    expect(await readdir(folder)).toHaveLength(2);
  });

  test('in memory', async () => {
    const files = new Map<string, Uint8Array>();
    const target = openTarget(files);
    await target.write('a.txt', 'é');
    await target.write('c.bin', [Uint8Array.of(1), Uint8Array.of(2, 3)]);
    expect([...files].map(([name, bytes]) => [name, [...bytes]])).toEqual([
      ['a.txt', [0xc3, 0xa9]],
      ['c.bin', [1, 2, 3]],
    ]);
    await target.remove?.('a.txt');
    expect(await target.list?.()).toEqual(['c.bin']);
  });

  test('whoever has the old file open keeps reading it', async () => {
    const folder = await temporaryFolder();
    const target = openTarget(folder);
    await target.write('a.txt', 'old');
    await using handle = await openFile(join(folder, 'a.txt'));
    await target.write('a.txt', 'new content');
    expect(await handle.readFile('utf8')).toBe('old');
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('new content');
  });

  test('a link is replaced, not followed', async () => {
    const folder = await temporaryFolder();
    const outside = join(await temporaryFolder(), 'precious');
    await writeFile(outside, 'precious');
    await symlink(outside, join(folder, 'a.txt'));
    await openTarget(folder).write('a.txt', 'new');
    expect(await readFile(outside, 'utf8')).toBe('precious');
    expect(await readFile(join(folder, 'a.txt'), 'utf8')).toBe('new');
  });

  test('what cannot be written is a typed error, and leaves no temporary file', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'taken.txt/inner'), { recursive: true });
    await expectError('write', () => openTarget(folder).write('taken.txt', 'x'));
    await expectError('write', () => openTarget(folder).remove?.('taken.txt'));
    expect(await readdir(folder)).toEqual(['taken.txt']);
    await writeFile(join(folder, 'file'), '');
    await expectError('write', () => openTarget(join(folder, 'file')).write('a.txt', 'x'));
  });

  test("a target of one's own comes back as it is, and needs only write", async () => {
    const names: string[] = [];
    const own: FolderTarget = {
      location: 'own',
      write: (name) => {
        names.push(name);
        return Promise.resolve();
      },
    };
    expect(openTarget(own)).toBe(own);
    await saveCheckpoint(
      own,
      [
        ['a', tensor(2)],
        ['b', tensor(2)],
      ],
      { maxShardBytes: 2 },
    );
    expect(names).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ]);
  });
});
