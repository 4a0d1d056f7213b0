import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import {
  CheckpointError,
  type FolderSource,
  openCheckpoint,
  openFolder,
  parseSafetensors,
  safetensorsDTypes,
} from '../../src/index.ts';
import { expectError, prototypeNames } from '../support/expect-error.ts';
import { badFiles, fixtures, temporaryFolder } from '../support/files.ts';
import { loopbackServer } from '../support/loopback-server.ts';
import { malformed } from '../support/malformed.ts';
import { counting, entry, headerOf, rawFile } from '../support/safetensors-bytes.ts';

/** The ways by which a file can come, besides as bytes. */
const places: readonly (readonly [string, (bytes: Uint8Array) => Promise<FolderSource>])[] = [
  ['a Map of bytes', (bytes) => openFolder(new Map([['model.safetensors', bytes]]))],
  ['a Blob', (bytes) => openFolder(new Map([['model.safetensors', new Blob([new Uint8Array(bytes)])]]))],
  [
    'a file on disk',
    async (bytes) => {
      const folder = await temporaryFolder();
      await writeFile(join(folder, 'model.safetensors'), bytes);
      return openFolder(folder);
    },
  ],
  ['HTTP ranges', async (bytes) => openFolder((await loopbackServer(new Map([['model.safetensors', bytes]]))).url)],
];

describe('malformed files', () => {
  test.for(malformed)('$title: $code', async ({ bytes, code }) => {
    await expectError(code, () => parseSafetensors(bytes));
  });

  describe.for(places)('through %s', ([, open]) => {
    test.for(malformed)('$title: $code', async ({ bytes, code }) => {
      const folder = await open(bytes);
      await expectError(code, () => openCheckpoint(folder));
    });
  });
});

describe('the files of the manifest', () => {
  const folder = join(fixtures, 'bad');
  const listed = badFiles(folder).filter(({ kind }) => kind === 'safetensors');

  test.for(listed)('$file ($reason)', async ({ file, valid, tolerated }) => {
    const bytes = readFileSync(join(folder, file));
    const before = prototypeNames();
    if (valid) expect(parseSafetensors(bytes).tensors).toBeInstanceOf(Map);
    else if (tolerated === undefined) expect(() => parseSafetensors(bytes)).toThrow(CheckpointError);
    expect(prototypeNames()).toEqual(before);
  });

  describe.for(places)('through %s', ([, open]) => {
    test.for(listed)('$file', async ({ file, valid, tolerated }) => {
      const source = await open(readFileSync(join(folder, file)));
      const names = await openCheckpoint(source).then(
        (checkpoint) => checkpoint.names,
        (error: unknown) => CheckpointError.isInstance(error),
      );
      if (valid) expect(names).toEqual([...parseSafetensors(readFileSync(join(folder, file))).tensors.keys()]);
      else if (tolerated === undefined) expect(names).toBe(true);
    });
  });
});

describe('valid files', () => {
  test('a file as the documentation describes it', () => {
    const header = headerOf({
      b: { dtype: 'I16', shape: [2, 1], data_offsets: [4, 8] },
      a: { dtype: 'F32', shape: [], data_offsets: [0, 4] },
    });
    const { tensors, metadata } = parseSafetensors(rawFile(header, { data: counting(8) }));
    expect([...tensors]).toEqual([
      ['a', { dtype: 'F32', shape: [], bytes: Uint8Array.of(1, 2, 3, 4) }],
      ['b', { dtype: 'I16', shape: [2, 1], bytes: Uint8Array.of(5, 6, 7, 8) }],
    ]);
    expect(metadata.size).toBe(0);
  });

  test('tensors are views of the bytes', () => {
    const bytes = rawFile(headerOf({ a: entry(0, 2) }), { data: counting(2) });
    const tensor = parseSafetensors(bytes).tensors.get('a');
    bytes[bytes.length - 1] = 99;
    expect(tensor?.bytes).toEqual(Uint8Array.of(1, 99));
  });

  test('bytes that lie within a larger buffer', () => {
    const bytes = rawFile(headerOf({ a: entry(0, 2) }), { data: counting(2) });
    const shifted = new Uint8Array(bytes.length + 10);
    shifted.set(bytes, 3);
    const tensor = parseSafetensors(shifted.subarray(3, 3 + bytes.length)).tensors.get('a');
    expect(tensor?.bytes).toEqual(Uint8Array.of(1, 2));
  });

  test('blanks around and within the header', () => {
    const header = ` \t\r\n{ "a" : ${JSON.stringify(entry(0, 1), null, 2)} } \n `;
    expect([...parseSafetensors(rawFile(header, { data: counting(1) })).tensors.keys()]).toEqual(['a']);
  });

  test('names of prototype members are names', () => {
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    const header = `{${names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(entry(i, 1))}`).join(',')}}`;
    expect([...parseSafetensors(rawFile(header, { data: counting(4) })).tensors.keys()]).toEqual(names);
  });

  test('metadata keeps its order and names', () => {
    const { metadata } = parseSafetensors(rawFile('{"__metadata__":{"z":"1","__proto__":"2","a":""}}'));
    expect([...metadata]).toEqual([
      ['z', '1'],
      ['__proto__', '2'],
      ['a', ''],
    ]);
  });

  test('unknown fields are passed over, as by Python', () => {
    const bytes = rawFile(headerOf({ a: { ...entry(0, 1), note: [{ x: null }, 1.5, true, 'text'] } }), {
      data: counting(1),
    });
    expect(parseSafetensors(bytes).tensors.get('a')?.shape).toEqual([1]);
  });

  test('null for metadata, as by Python', () => {
    expect(parseSafetensors(rawFile('{"__metadata__":null}')).metadata.size).toBe(0);
  });

  test('escaped names', () => {
    const bytes = rawFile(`{"\\u0061\\n\\ud83d\\ude00":${JSON.stringify(entry(0, 1))}}`, { data: counting(1) });
    expect([...parseSafetensors(bytes).tensors.keys()]).toEqual(['a\n😀']);
  });

  test('empty tensors at the end, between others, and alone', () => {
    const header = headerOf({
      c: entry(2, 0),
      b: entry(1, 1),
      a: entry(0, 1),
      d: { dtype: 'F64', shape: [3, 0], data_offsets: [2, 2] },
    });
    const { tensors } = parseSafetensors(rawFile(header, { data: counting(2) }));
    expect([...tensors].map(([name, { bytes }]) => [name, bytes.length])).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 0],
      ['d', 0],
    ]);
  });

  test('more axes than engines know', () => {
    const header = headerOf({ a: { dtype: 'U8', shape: [1, 1, 1, 1, 1, 1, 2], data_offsets: [0, 2] } });
    expect(parseSafetensors(rawFile(header, { data: counting(2) })).tensors.get('a')?.shape).toHaveLength(7);
  });

  test('127 levels of nesting', () => {
    const header = `{"a":{"x":${'['.repeat(125)}${']'.repeat(125)},"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`;
    expect(parseSafetensors(rawFile(header, { data: counting(1) })).tensors.size).toBe(1);
  });

  test('sizes of all element types: 8 elements take as many bytes as one has bits', () => {
    const bits = [8, 4, 6, 6, 8, 8, 8, 8, 8, 8, 8, 16, 16, 16, 16, 32, 32, 32, 64, 64, 64, 64];
    expect(safetensorsDTypes).toHaveLength(bits.length);
    for (const [i, dtype] of safetensorsDTypes.entries()) {
      const size = bits[i]!;
      const bytes = rawFile(headerOf({ a: { dtype, shape: [2, 4], data_offsets: [0, size] } }), {
        data: counting(size),
      });
      expect(parseSafetensors(bytes).tensors.get('a')?.bytes).toHaveLength(size);
    }
  });

  test('100,000 tensors', () => {
    const member = (_: unknown, i: number): string => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`;
    const bytes = rawFile(`{${Array.from({ length: 100_000 }, member).join(',')}}`);
    expect(parseSafetensors(bytes).tensors.size).toBe(100_000);
  });
});
