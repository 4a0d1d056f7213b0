import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import {
  type CheckpointErrorCode,
  openCheckpoint,
  openFolder,
  parseSafetensors,
  serializeSafetensors,
  type StoredTensor,
} from '../../src/index.ts';
import { collect } from '../support/collect.ts';
import { expectError } from '../support/expect-error.ts';
import { badFiles, filesOf, fixtures, temporaryFolder } from '../support/files.ts';
import { loopbackServer } from '../support/loopback-server.ts';
import { counting } from '../support/safetensors-bytes.ts';

const first = 'model-00001-of-00002.safetensors';
const second = 'model-00002-of-00002.safetensors';
const indexName = 'model.safetensors.index.json';
const tensor = (count: number): StoredTensor => ({ dtype: 'U8', shape: [count], bytes: counting(count) });

/** Two shards with `a` and `b`, and an index, of which anything can be replaced. */
function sharded({ index, ...shards }: { index?: string } & Record<string, unknown> = {}): Map<string, Uint8Array> {
  const bytes = new Map<string, Uint8Array>([
    [first, serializeSafetensors([['a', tensor(2)]])],
    [second, serializeSafetensors([['b', tensor(3)]])],
    [indexName, new TextEncoder().encode(index ?? weightMap({ a: first, b: second }))],
  ]);
  for (const [name, content] of Object.entries(shards)) {
    if (content instanceof Uint8Array) bytes.set(name, content);
    else bytes.delete(name);
  }
  return bytes;
}

function weightMap(map: unknown, more: object = {}): string {
  return JSON.stringify({ ...more, weight_map: map });
}

async function namesIn(files: ReadonlyMap<string, Uint8Array>): Promise<string[]> {
  return [...(await openCheckpoint(await openFolder(files))).names];
}

describe('one file', () => {
  test('headers at once, tensors one by one or all', async () => {
    const bytes = serializeSafetensors(
      [
        ['big', { dtype: 'F32', shape: [2, 3], bytes: counting(24) }],
        ['small', tensor(5)],
        ['empty', tensor(0)],
      ],
      { metadata: { format: 'pt' } },
    );
    const checkpoint = await openCheckpoint(await openFolder(new Map([['model.safetensors', bytes]])));
    expect(checkpoint.names).toEqual(['big', 'empty', 'small']);
    expect(checkpoint.files).toEqual(['model.safetensors']);
    expect([...checkpoint.metadata]).toEqual([['format', 'pt']]);
    expect(checkpoint.info('big')).toEqual({ dtype: 'F32', shape: [2, 3] });
    expect([checkpoint.has('small'), checkpoint.has('toString')]).toEqual([true, false]);
    expect(await checkpoint.read('small')).toEqual(tensor(5));
    const all = new Map(await collect(checkpoint.readAll()));
    expect(all).toEqual(new Map(parseSafetensors(bytes).tensors));
  });

  test('what was read can be changed without harm to what is read later', async () => {
    const bytes = serializeSafetensors([
      ['a', tensor(4)],
      ['b', tensor(4)],
    ]);
    const checkpoint = await openCheckpoint(await openFolder(new Map([['model.safetensors', bytes]])));
    (await checkpoint.read('a')).bytes.fill(0);
    expect(await checkpoint.read('a')).toEqual(tensor(4));
  });

  test('a tensor that is not there', async () => {
    const checkpoint = await openCheckpoint(
      await openFolder(new Map([['model.safetensors', serializeSafetensors([])]])),
    );
    await expectError('missing-tensor', () => checkpoint.info('a'));
    await expectError('missing-tensor', () => checkpoint.read('__proto__'));
  });

  test('another name of the file, and only names of safetensors files', async () => {
    const folder = await openFolder(new Map([['adapter_model.safetensors', serializeSafetensors([['a', tensor(1)]])]]));
    expect((await openCheckpoint(folder, { fileName: 'adapter_model.safetensors' })).names).toEqual(['a']);
    await expectError('path', () => openCheckpoint(folder, { fileName: '../model.safetensors' }));
    await expectError('path', () => openCheckpoint(folder, { fileName: 'pytorch_model.bin' }));
  });

  test('neither a file nor an index', async () => {
    const error = await expectError('missing-file', async () =>
      openCheckpoint(await openFolder(new Map([['pytorch_model.bin', counting(1)]]))),
    );
    expect(error.message).toMatch(
      /neither model\.safetensors nor model\.safetensors\.index\.json.*pytorch_model\.bin is not read/,
    );
  });

  test('a header longer than the first read', async () => {
    const tensors = Array.from({ length: 2000 }, (_, i): [string, StoredTensor] => [`layer.${i}.weight`, tensor(3)]);
    const bytes = serializeSafetensors(tensors);
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true))).toBeGreaterThan(65_536);
    const checkpoint = await openCheckpoint(await openFolder(new Map([['model.safetensors', bytes]])));
    expect(checkpoint.names).toHaveLength(2000);
    expect(await checkpoint.read('layer.1999.weight')).toEqual(tensor(3));
  });

  test('small neighbours come in one read of up to 8 MiB, and larger tensors alone', async () => {
    const MiB = 1 << 20;
    const sizes = { a: 3 * MiB, b: 5 * MiB, c: 1, d: 9 * MiB, e: 1, f: 1 };
    const bytes = serializeSafetensors(
      Object.entries(sizes).map(([name, size]) => [
        name,
        { dtype: 'U8', shape: [size], bytes: new Uint8Array(size).fill(name.charCodeAt(0)) },
      ]),
    );
    const source = await openFolder(new Map([['model.safetensors', bytes]]));
    const reads: number[] = [];
    const checkpoint = await openCheckpoint({
      ...source,
      readRange: (name, begin, end, options) => {
        reads.push(end - begin);
        return source.readRange(name, begin, end, options);
      },
    });
    reads.length = 0;
    for await (const [name, { bytes: data }] of checkpoint.readAll()) {
      expect(data).toHaveLength(sizes[name as keyof typeof sizes]);
      expect([data[0], data.at(-1)]).toEqual([name.charCodeAt(0), name.charCodeAt(0)]);
    }
    expect(reads).toEqual([8 * MiB, 1, 9 * MiB, 2]);
    for (const name of ['f', 'a', 'c', 'b', 'e'])
      expect((await checkpoint.read(name)).bytes[0]).toBe(name.charCodeAt(0));
    expect(reads).toHaveLength(4); // the blocks were kept
  });

  test('a failed read is not kept', async () => {
    const source = await openFolder(new Map([['model.safetensors', serializeSafetensors([['a', tensor(1)]])]]));
    let failing = true;
    const checkpoint = await openCheckpoint(source);
    const flaky = await openCheckpoint({
      ...source,
      readRange: (name, begin, end, options) =>
        failing && begin > 0 ? Promise.reject(new Error('lost')) : source.readRange(name, begin, end, options),
    });
    await expect(flaky.read('a')).rejects.toThrow('lost');
    failing = false;
    expect(await flaky.read('a')).toEqual(await checkpoint.read('a'));
  });

  test('stops when the loop over all tensors is left or aborted', async () => {
    const checkpoint = await openCheckpoint(
      await openFolder(
        new Map([
          [
            'model.safetensors',
            serializeSafetensors([
              ['a', tensor(1)],
              ['b', tensor(1)],
            ]),
          ],
        ]),
      ),
    );
    for await (const [name] of checkpoint.readAll()) {
      expect(name).toBe('a');
      break;
    }
    const controller = new AbortController();
    await expect(async () => {
      for await (const _ of checkpoint.readAll({ signal: controller.signal })) controller.abort();
    }).rejects.toThrow('aborted');
  });
});

describe('shards', () => {
  test('their tensors, in the order of the index', async () => {
    const checkpoint = await openCheckpoint(await openFolder(sharded({ index: weightMap({ b: second, a: first }) })));
    expect(checkpoint.names).toEqual(['b', 'a']);
    expect(checkpoint.files).toEqual([second, first]);
    expect(await collect(checkpoint.readAll())).toEqual([
      ['b', tensor(3)],
      ['a', tensor(2)],
    ]);
  });

  test('a single file goes before an index', async () => {
    expect(await namesIn(sharded({ 'model.safetensors': serializeSafetensors([['c', tensor(1)]]) }))).toEqual(['c']);
  });

  test.for<[string, Map<string, Uint8Array>]>([
    ['metadata of any form', sharded({ index: weightMap({ a: first, b: second }, { metadata: 'x', total_size: -1 }) })],
    ['a wrong total size', sharded({ index: weightMap({ a: first, b: second }, { metadata: { total_size: 999 } }) })],
    ['files that the index does not name', sharded({ 'consolidated.safetensors': counting(3) })],
    ['a subset of the shards', sharded({ index: weightMap({ a: first }) })],
  ])('%s', async ([, files]) => {
    expect(await namesIn(files)).toContain('a');
  });

  const shardNames: readonly string[] = [
    '../model-00001-of-00002.safetensors',
    '..\\model-00001-of-00002.safetensors',
    './model-00001-of-00002.safetensors',
    'sub/model-00001-of-00002.safetensors',
    '/model-00001-of-00002.safetensors',
    'C:\\model-00001-of-00002.safetensors',
    'file:///model-00001-of-00002.safetensors',
    'https://example.org/model.safetensors',
    '//example.org/model.safetensors',
    '%2e%2e%2fmodel.safetensors',
    'model.safetensors?download=true',
    'model.safetensors#a',
    'model\0.safetensors',
    'model.safetensors\0.txt',
    'CON.safetensors',
    'aux.model.safetensors',
    '.safetensors',
    '..safetensors',
    '~.safetensors',
    'model.bin',
    'pytorch_model.pkl',
    '',
    ' ',
  ];
  test.for(shardNames)('the shard name %j', async (name) => {
    const files = sharded({ index: weightMap({ a: name, b: second }) });
    files.set(name, serializeSafetensors([['a', tensor(2)]]));
    await expectError('path', () => namesIn(files));
  });

  test.for<{ title: string; build: () => Map<string, Uint8Array>; code: CheckpointErrorCode }>([
    {
      title: 'an index that names itself as tensor file',
      build: () => sharded({ index: weightMap({ a: indexName }) }),
      code: 'path',
    },
    { title: 'a shard that is missing', build: () => sharded({ [second]: undefined }), code: 'missing-file' },
    {
      title: 'a tensor that its shard lacks',
      build: () => sharded({ index: weightMap({ a: first, b: second, c: first }) }),
      code: 'index',
    },
    {
      title: "tensors in each other's shards",
      build: () => sharded({ index: weightMap({ a: second, b: first }) }),
      code: 'index',
    },
    {
      title: 'a tensor in two shards',
      build: () =>
        sharded({
          [second]: serializeSafetensors([
            ['a', tensor(2)],
            ['b', tensor(3)],
          ]),
        }),
      code: 'index',
    },
    {
      title: 'a tensor that the index does not name',
      build: () =>
        sharded({
          [first]: serializeSafetensors([
            ['a', tensor(2)],
            ['z', tensor(2)],
          ]),
        }),
      code: 'index',
    },
    { title: 'a shard without tensors', build: () => sharded({ [first]: serializeSafetensors([]) }), code: 'index' },
    {
      title: '__proto__ as a tensor that is not there',
      build: () => sharded({ index: `{"weight_map":{"__proto__":"${first}","b":"${second}"}}` }),
      code: 'index',
    },
    {
      title: 'names that differ by case only',
      build: () =>
        sharded({ index: weightMap({ a: first, b: first.toUpperCase().replace('SAFETENSORS', 'safetensors') }) }),
      code: 'index',
    },
    { title: 'a malformed shard', build: () => sharded({ [second]: counting(20) }), code: 'header' },
    { title: 'an empty shard', build: () => sharded({ [second]: new Uint8Array() }), code: 'header' },
    {
      title: 'a shard that is an index',
      build: () => sharded({ [second]: new TextEncoder().encode(weightMap({ a: first })) }),
      code: 'header',
    },
    {
      title: 'a shard that is cut off',
      build: () => sharded({ [second]: serializeSafetensors([['b', tensor(3)]]).slice(0, -1) }),
      code: 'offsets',
    },
    { title: 'an index that is not JSON', build: () => sharded({ index: '{weight_map' }), code: 'json' },
    { title: 'an empty index', build: () => sharded({ index: '' }), code: 'json' },
    { title: 'an index that is an array', build: () => sharded({ index: '[]' }), code: 'config' },
    { title: 'an index without weight_map', build: () => sharded({ index: '{"metadata":{}}' }), code: 'index' },
    { title: 'weight_map null', build: () => sharded({ index: weightMap(null) }), code: 'index' },
    { title: 'weight_map an array', build: () => sharded({ index: weightMap([first, second]) }), code: 'index' },
    { title: 'weight_map a text', build: () => sharded({ index: weightMap(first) }), code: 'index' },
    { title: 'weight_map empty', build: () => sharded({ index: weightMap({}) }), code: 'index' },
    { title: 'a shard that is a number', build: () => sharded({ index: weightMap({ a: 1 }) }), code: 'index' },
    { title: 'a shard that is null', build: () => sharded({ index: weightMap({ a: null }) }), code: 'index' },
    {
      title: 'a list of shards',
      build: () => sharded({ index: weightMap({ a: [first, second], b: second }) }),
      code: 'index',
    },
    {
      title: 'the same tensor twice',
      build: () => sharded({ index: `{"weight_map":{"a":"${first}","b":"${second}","a":"${second}"}}` }),
      code: 'json',
    },
    {
      title: '1,001 shards',
      build: () =>
        sharded({
          index: weightMap(Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`t${i}`, `s${i}.safetensors`]))),
        }),
      code: 'too-large',
    },
    {
      title: 'an index of 26 MB',
      build: () => sharded({ index: weightMap({ a: first, b: second }, { pad: 'x'.repeat(26_000_000) }) }),
      code: 'too-large',
    },
  ])('$title: $code', async ({ build, code }) => {
    await expectError(code, () => namesIn(build()));
  });

  test('1,000 shards are not too many', async () => {
    const names = Array.from({ length: 1000 }, (_, i) => `s${i}.safetensors`);
    const files = new Map(names.map((name, i) => [name, serializeSafetensors([[`t${i}`, tensor(1)]])]));
    files.set(
      indexName,
      new TextEncoder().encode(
        weightMap(Object.fromEntries(names.map((name, i) => [`t${i}`, name]))),
      ) as Uint8Array<ArrayBuffer>,
    );
    expect(await namesIn(files)).toHaveLength(1000);
  });

  test('a shard that is a link out of the folder', async () => {
    const parent = await temporaryFolder();
    const folder = join(parent, 'model');
    await mkdir(folder);
    for (const [name, bytes] of sharded()) await writeFile(join(name === first ? parent : folder, name), bytes);
    await symlink(join('..', first), join(folder, first));
    await expectError('path', async () => openCheckpoint(await openFolder(folder)));
  });

  test('a shard that is a link to itself', async () => {
    const folder = await temporaryFolder();
    for (const [name, bytes] of sharded({ [first]: undefined })) await writeFile(join(folder, name), bytes);
    await symlink(first, join(folder, first));
    await expectError('path', async () => openCheckpoint(await openFolder(folder)));
  });

  test('no request leaves the folder of a URL, whatever the index says', async () => {
    const server = await loopbackServer(
      sharded({ index: weightMap({ a: '../../etc/passwd.safetensors', b: second }) }),
    );
    await expectError('path', async () => openCheckpoint(await openFolder(server.url)));
    expect(server.requests).toEqual([
      'GET /files/model.safetensors bytes=0-65535',
      `GET /files/${indexName} bytes=0-65535`,
    ]);
  });

  test('over HTTP', async () => {
    const server = await loopbackServer(sharded());
    const checkpoint = await openCheckpoint(await openFolder(server.url));
    expect(await collect(checkpoint.readAll())).toEqual([
      ['a', tensor(2)],
      ['b', tensor(3)],
    ]);
  });

  test('a model in five shards, as Transformers saved it', async () => {
    const checkpoint = await openCheckpoint(await openFolder(join(fixtures, 'gpt2-sharded')));
    expect(checkpoint.files).toHaveLength(5);
    expect(checkpoint.names).toHaveLength(40);
    expect(checkpoint.info('transformer.wte.weight').shape).toEqual([97, 32]);
    let elements = 0;
    for await (const [, { bytes }] of checkpoint.readAll()) elements += bytes.length / 4;
    expect(elements).toBe(25_400); // total_parameters of the index
  });
});

describe('the folders of the manifest', () => {
  const folder = join(fixtures, 'bad');
  const listed = badFiles(folder).filter(({ kind, file }) => kind === 'folder' && file.startsWith('index-'));

  test.for(listed)('$file ($reason)', async ({ file, valid }) => {
    for (const location of [join(folder, file), filesOf(join(folder, file))]) {
      const reading = openFolder(location).then(openCheckpoint);
      if (valid) expect((await reading).names).toEqual(['a', 'b']);
      else await expect(reading).rejects.toMatchObject({ name: 'CheckpointError' });
    }
  });
});
