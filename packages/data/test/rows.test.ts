import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';

import { ConfigError } from '@formers/backend';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openRows, readRows } from '../src/index.ts';

const parquet = (): ArrayBuffer =>
  parquetWriteBuffer({
    columnData: [
      { name: 'text', data: ['one', 'two', 'größer 😀'], type: 'STRING' },
      { name: 'label', data: [0, 1, 0], type: 'INT32' },
      { name: 'big', data: [1n, 2n, 3n], type: 'INT64' },
    ],
    rowGroupSize: 2,
  });
const problem = (name: string, content: string | Uint8Array<ArrayBuffer>): Promise<string> =>
  readRows(new File([content], name)).then(
    () => 'none',
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );

describe('rows', () => {
  let folder = '';
  const at = (name: string): string => join(folder, name);
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'formers-rows-'));
    const files: Record<string, string | Uint8Array> = {
      'a.jsonl': '\uFEFF{"text": "one", "label": 1}\r\n\n{"text": "zwei — größer", "tokens": ["a", "b"]}',
      'b.csv': 'text,label\n"with, comma and ""quotes""",1\n"two\nlines",0\n\nlast,2\n',
      'c.tsv': 'text\tlabel\na, b\t1\n',
      'd.parquet': new Uint8Array(parquet()),
      'e.txt': 'first\n\nsecond\n',
      'long.jsonl': Array.from({ length: 30_000 }, (_, i) =>
        JSON.stringify({ number: i, text: 'é😀'.repeat(i % 9) }),
      ).join('\n'),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(at(name), content);
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('come from JSON lines, with or without a mark, blank lines and a last line break', async () => {
    const rows = await readRows(at('a.jsonl'));
    expect(rows.map(({ values }) => values)).toEqual([
      { text: 'one', label: 1 },
      { text: 'zwei — größer', tokens: ['a', 'b'] },
    ]);
    expect(rows.map(({ where }) => where)).toEqual([`${at('a.jsonl')}, line 1`, `${at('a.jsonl')}, line 3`]);
  });

  it('come from CSV with quotes, commas and line breaks in values, and from TSV', async () => {
    expect((await readRows(at('b.csv'))).map(({ values }) => values)).toEqual([
      { text: 'with, comma and "quotes"', label: '1' },
      { text: 'two\nlines', label: '0' },
      { text: 'last', label: '2' },
    ]);
    expect((await readRows(at('c.tsv'))).map(({ values }) => values)).toEqual([{ text: 'a, b', label: '1' }]);
  });

  it('come from CSV whose header tells the delimiter, whatever the values have', async () => {
    const valuesOf = async (text: string): Promise<unknown[]> =>
      (await readRows(new File([text], 'x.csv'))).map(({ values }) => values);
    expect(await valuesOf('a;"b,c"\n1,5;2\n')).toEqual([{ a: '1,5', 'b,c': '2' }]);
    expect(await valuesOf('text\none; two; three\n"four, five"\n')).toEqual([
      { text: 'one; two; three' },
      { text: 'four, five' },
    ]);
    expect(await valuesOf('a|b\r\n1|2\r\n')).toEqual([{ a: '1', b: '2' }]);
  });

  it('keep line breaks within quotes of CSV as they are, and long lines whole', async () => {
    const [row] = await readRows(new File(['a,b\r\n"one\r\ntwo",3\r\n'], 'x.csv'));
    expect(row?.values).toEqual({ a: 'one\r\ntwo', b: '3' });
    const long = 'x'.repeat(3_000_000);
    const rows = await readRows(new File([`${long}\r\nshort`], 'x.txt'));
    expect(rows.map(({ values }) => values['text'])).toEqual([long, 'short']);
  });

  it.each([
    ['GZIP', gzipSync],
    ['ZSTD', zstdCompressSync],
  ] as const)('come from parquet compressed with %s', async (codec, compress) => {
    const compressors = { [codec]: (bytes: Uint8Array): Uint8Array => compress(bytes) };
    const text = Array.from({ length: 500 }, (_, i) => `row ${i} of many`);
    const bytes = parquetWriteBuffer({
      columnData: [{ name: 'text', data: text, type: 'STRING' }],
      codec,
      compressors,
    });
    expect(bytes.byteLength).toBeLessThan(5000);
    expect((await readRows(new File([bytes], 'x.parquet'))).map((row) => row.text('text'))).toEqual(text);
  });

  it('come from parquet, over row groups, and from text', async () => {
    const rows = await readRows(at('d.parquet'));
    expect(rows.map(({ values }) => values)).toEqual([
      { text: 'one', label: 0, big: 1n },
      { text: 'two', label: 1, big: 2n },
      { text: 'größer 😀', label: 0, big: 3n },
    ]);
    expect(rows[2]?.where).toBe(`${at('d.parquet')}, row 3`);
    expect((await readRows(at('e.txt'))).map((row) => row.text('text'))).toEqual(['first', 'second']);
  });

  it('come from globs in order of names, and from Files of a browser', async () => {
    expect((await readRows(at('[bc].?sv'))).length).toBe(4);
    const file = new File(['{"text": "here"}\n'], 'mine.jsonl');
    expect((await readRows([file, at('e.txt')])).map((row) => row.text('text'))).toEqual(['here', 'first', 'second']);
    expect((await readRows(new File([parquet()], 'x.parquet'))).length).toBe(3);
    expect((await readRows(new File(['{"a": 1}'], 'x.data'), { format: 'jsonl' })).length).toBe(1);
  });

  it('are whole where chunks of the file end within lines and characters, as often as they are read', async () => {
    const stream = await openRows(at('long.jsonl'));
    for (let time = 0; time < 2; time++) {
      let number = 0;
      for await (const row of stream) {
        expect(row.get('number')).toBe(number);
        if (row.get('text') !== 'é😀'.repeat(number % 9)) expect.fail(`row ${number}`);
        number++;
      }
      expect(number).toBe(30_000);
    }
  });

  it('refuse files in one line that names file and row', async () => {
    expect(await problem('x.jsonl', '{"a": 1}\n{"a": ')).toMatch(/^format: x\.jsonl, line 2: not valid JSON: /);
    expect(await problem('x.jsonl', '{"a": 1}\n[1, 2]')).toBe(
      'format: x.jsonl, line 2: must be a JSON object, got [1, 2]',
    );
    expect(await problem('x.csv', 'a,b\n1,2\n1,2,3\n')).toBe('format: x.csv, row 2: has 3 values for 2 columns');
    expect(await problem('x.csv', 'a,b\n1,2\n1\n')).toBe('format: x.csv, row 2: has 1 values for 2 columns');
    expect(await problem('x.csv', 'a,a\n1,2\n')).toBe('format: x.csv: two columns are named "a"');
    expect(await problem('x.csv', 'a,b\n"open,2\n')).toMatch(/^format: x\.csv, row \d+: Quoted field unterminated/);
    expect(await problem('x.csv', 'a,b\n')).toBe('empty: readRows: x.csv has no rows');
    expect(await problem('x.jsonl', '')).toBe('empty: readRows: x.jsonl is empty');
    expect(await problem('x.jsonl', '\n \n')).toBe('empty: readRows: x.jsonl has no rows');
    expect(await problem('x.txt', Uint8Array.of(0x67, 0xf6, 0xdf))).toBe(
      'binary: x.txt is not a text file: it is not valid UTF-8',
    );
    expect(await problem('x.txt', Uint8Array.of(0x67, 0xc3))).toBe(
      'binary: x.txt is not a text file: it is not valid UTF-8',
    );
    expect(await problem('x.txt', 'a\0b')).toBe('binary: x.txt is not a text file: it has NUL bytes');
    expect(await problem('x.parquet', 'PAR1 not really PAR1')).toMatch(
      /^format: x\.parquet: cannot be read as parquet: /,
    );
    expect(await problem('x.parquet', new Uint8Array(parquet()).slice(0, 150))).toMatch(/^format: x\.parquet: /);
    await expect(readRows(at('missing.csv'))).rejects.toMatchObject({ code: 'missing-file' });
    await expect(readRows([])).rejects.toMatchObject({ code: 'missing-file' });
    await expect(readRows(folder)).rejects.toMatchObject({ code: 'not-a-file' });
    await expect(readRows(new File(['a'], 'x.xlsx'))).rejects.toBeInstanceOf(ConfigError);
  });

  it('keep columns with names of Object.prototype apart', async () => {
    const [row] = await readRows(new File(['{"__proto__": {"x": 1}, "text": "a"}'], 'x.jsonl'));
    expect(row?.columns).toEqual(['__proto__', 'text']);
    expect(row?.has('toString')).toBe(false);
    expect(() => row?.get('constructor')).toThrow(
      'x.jsonl, line 1: there is no column "constructor", but "__proto__", "text"',
    );
    const [csv] = await readRows(new File(['__proto__,text\n1,2\n'], 'x.csv'));
    expect(csv?.columns).toEqual(['__proto__', 'text']);
  });
});
