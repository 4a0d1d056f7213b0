import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isJsonObject, type JsonLike, type JsonObject, parseJsonObject, serializeJson } from '../../src/index.ts';
import { pythonFloat, pythonNumber } from '../../src/json/python-number.ts';
import { expectError } from '../support/expect-error.ts';
import { fixtures } from '../support/files.ts';

const nested = (depth: number): string => `{"a":`.repeat(depth - 1) + '{}' + '}'.repeat(depth - 1);

describe('parseJsonObject', () => {
  test('all kinds of values', () => {
    const object = parseJsonObject(' {"a": [1, -2.5e-1, true, false, null, "\\u00e9\\n"], "b": {"c": {}}, "": []} \n');
    expect(JSON.parse(JSON.stringify(object))).toEqual({
      a: [1, -0.25, true, false, null, 'é\n'],
      b: { c: {} },
      '': [],
    });
  });

  test('agrees with JSON.parse on anything that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()), (value) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(parseJsonObject(text))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  test('bytes are read as UTF-8', () => {
    expect(parseJsonObject(new TextEncoder().encode('{"é":"😀"}'))['é']).toBe('😀');
  });

  test('objects have no prototype, and prototype names are keys', () => {
    const object = parseJsonObject(
      '{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}, "a": 1}',
    );
    expect(Object.getPrototypeOf(object)).toBe(null);
    expect(Object.keys(object)).toEqual(['__proto__', 'constructor', 'a']);
    expect('polluted' in {}).toBe(false);
    expect(object['toString']).toBe(undefined);
    const copy: JsonObject = { ...object };
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect('polluted' in copy).toBe(false);
    expect(serializeJson(copy)).toContain('"__proto__": {');
  });

  test.for<[string, string]>([
    ['nothing', ''],
    ['blanks', ' \n'],
    ['a word', 'model_type: gpt2'],
    ['a trailing comma', '{"a":1,}'],
    ['a missing value', '{"a":}'],
    ['a missing colon', '{"a" 1}'],
    ['an open object', '{"a":1'],
    ['an open array', '{"a":[1'],
    ['an open text', '{"a":"b'],
    ['text behind', '{} x'],
    ['two objects', '{}{}'],
    ['NaN', '{"a":NaN}'],
    ['Infinity', '{"a":-Infinity}'],
    ['a number beyond doubles', '{"a":1e999}'],
    ['a leading zero', '{"a":01}'],
    ['a plus', '{"a":+1}'],
    ['a bare point', '{"a":.5}'],
    ['a point without digits', '{"a":1.}'],
    ['an exponent without digits', '{"a":1e}'],
    ['only a minus', '{"a":-}'],
    ['a literal in capitals', '{"a":True}'],
    ['a literal with a tail', '{"a":nullx}'],
    ['a comment', '{/* */"a":1}'],
    ['a line feed in a text', '{"a":"\n"}'],
    ['an unknown escape', '{"a":"\\x"}'],
    ['half a unicode escape', '{"a":"\\u12"}'],
    ['a lone surrogate', '{"a":"\\ud83d"}'],
    ['a raw lone surrogate', '{"a":"\ud83d"}'],
    ['a byte-order mark', '\ufeff{"a":1}'],
    ['a key twice', '{"a":1,"a":2}'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":1}'],
    ['__proto__ twice', '{"__proto__":{},"__proto__":{}}'],
    ['128 levels', nested(128)],
    ['100,000 levels', '['.repeat(100_000)],
  ])('%s is refused', async ([, text]) => {
    await expectError('json', () => parseJsonObject(text));
  });

  test.for(['[]', '1', '"a"', 'null', 'true'])('%s is no object', async (text) => {
    await expectError('config', () => parseJsonObject(text));
  });

  test('127 levels are read', () => {
    expect(isJsonObject(parseJsonObject(nested(127)))).toBe(true);
  });

  test('bytes that are not UTF-8', () => expectError('json', () => parseJsonObject(Uint8Array.of(0x7b, 0xff, 0x7d))));
  test('more bytes than allowed', () => expectError('too-large', () => parseJsonObject('{"a":1}', { maxBytes: 6 })));

  test('messages say what is read and where', async () => {
    const error = await expectError('json', () => parseJsonObject('{"a":1,}', { where: 'config.json' }));
    expect(error.message).toBe('config.json: wanted a string at character 7, got "}"');
  });
});

describe('serializeJson', () => {
  const saved = [
    'gpt2-sharded/config.json',
    'gpt2-sharded/generation_config.json',
    'gpt2-sharded/model.safetensors.index.json',
    'llama-bf16/config.json',
  ];

  test.for(saved)('%s comes back byte for byte', (name) => {
    const text = readFileSync(join(fixtures, name), 'utf8');
    expect(serializeJson(parseJsonObject(text))).toBe(text);
  });

  test('spellings that a double would lose come back', () => {
    const text =
      '{"a":[1.0,-0.0,0.0],"b":1e5,"c":1000000000000000019884624838656,"d":1E-2,"e":[[2.0]],"f":{"g":100.0}}';
    const object = parseJsonObject(text);
    expect(object['c']).toBe(1e30);
    const compact = serializeJson(object, { indent: 0, finalNewline: false }).replaceAll(/\n| (?=\S)/g, '');
    expect(compact).toBe(text);
  });

  test('a changed number is spelled anew, the others stay', () => {
    const object = parseJsonObject('{"a": 1.0, "b": 2.0, "c": [3.0, 4.0]}');
    const changed = { ...object, b: 5, c: [3, 4.5] };
    expect(serializeJson(changed, { keepSpellingOf: object, indent: 1 })).toBe(
      '{\n "a": 1.0,\n "b": 5,\n "c": [\n  3.0,\n  4.5\n ]\n}\n',
    );
    expect(serializeJson({ a: 1 }, { finalNewline: false })).toBe('{\n  "a": 1\n}');
    object['a'] = 7;
    expect(serializeJson(object)).toContain('"a": 7,');
  });

  test('zero and minus zero are two numbers', () => {
    const object = parseJsonObject('{"a":0.0}');
    expect(serializeJson({ a: -0 }, { keepSpellingOf: object })).toBe('{\n  "a": -0.0\n}\n');
  });

  test('floatKeys are floats, unless they were read as whole numbers', () => {
    const floatKeys = new Set(['dropout', 'mean']);
    expect(
      serializeJson({ dropout: 0, layers: 2, mean: [1, 0.5], inner: { dropout: 1 } }, { floatKeys, indent: 0 }),
    ).toBe('{\n"dropout": 0.0,\n"inner": {\n"dropout": 1.0\n},\n"layers": 2,\n"mean": [\n1.0,\n0.5\n]\n}\n');
    const read = parseJsonObject('{"dropout": 0}');
    expect(serializeJson({ dropout: 0 }, { floatKeys, keepSpellingOf: read })).toBe('{\n  "dropout": 0\n}\n');
  });

  test('keys in the order of code points, or as they come', () => {
    const value = { '😀': 1, ﬀ: 2, b: 3, B: 4, a_b: 5, aB: 6 };
    const keys = (text: string): string[] => [...text.matchAll(/"(.+?)":/g)].map((match) => match[1]!);
    expect(keys(serializeJson(value, { ensureAscii: false }))).toEqual(['B', 'aB', 'a_b', 'b', 'ﬀ', '😀']);
    expect(keys(serializeJson(value, { ensureAscii: false, sortKeys: false }))).toEqual([
      '😀',
      'ﬀ',
      'b',
      'B',
      'a_b',
      'aB',
    ]);
  });

  test('escapes as Python writes them', () => {
    const value = { a: '"\\/\b\f\n\r\t\u0001\u007fé\u2028😀' };
    expect(serializeJson(value, { indent: 0 })).toBe(
      '{\n"a": "\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u007f\\u00e9\\u2028\\ud83d\\ude00"\n}\n',
    );
    expect(serializeJson(value, { indent: 0, ensureAscii: false })).toBe(
      '{\n"a": "\\"\\\\/\\b\\f\\n\\r\\t\\u0001\u007fé\u2028😀"\n}\n',
    );
  });

  test('empty arrays and objects, and members that are undefined', () => {
    expect(serializeJson({ a: [], b: {}, c: undefined, d: [[]] })).toBe(
      '{\n  "a": [],\n  "b": {},\n  "d": [\n    []\n  ]\n}\n',
    );
  });

  test('agrees with JSON.stringify where Python does', () => {
    const value = fc.letrec<{ node: JsonLike }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'grapheme' }),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('node')),
        fc.dictionary(fc.string(), tie('node')),
      ),
    })).node;
    fc.assert(
      fc.property(value, (item) => {
        expect(serializeJson(item, { sortKeys: false, ensureAscii: false, finalNewline: false })).toBe(
          JSON.stringify(item, null, 2),
        );
      }),
    );
  });

  test.for<[string, JsonLike]>([
    ['NaN', { a: NaN }],
    ['Infinity', [Infinity]],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate in a key', { '\udc00': 1 }],
    ['a function', { a: (() => 1) as unknown as null }],
    ['a bigint', { a: 1n as unknown as null }],
  ])('%s is refused', async ([, value]) => {
    await expectError('json', () => serializeJson(value));
  });

  test('a cycle is refused', async () => {
    const cycle: Record<string, JsonLike> = {};
    cycle['self'] = cycle;
    await expectError('json', () => serializeJson(cycle));
  });
});

describe('numbers as Python spells them', () => {
  test.for<[number, string]>([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [0.1, '0.1'],
    [-2.5, '-2.5'],
    [1e-5, '1e-05'],
    [1.5e-7, '1.5e-07'],
    [0.0001, '0.0001'],
    [0.00012345, '0.00012345'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [123456789012345680, '1.2345678901234568e+17'],
    [9007199254740993, '9007199254740992.0'],
    [1e100, '1e+100'],
    [5e-324, '5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [500000, '500000.0'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
  ])('float %d is %s', ([value, text]) => {
    expect(pythonFloat(value)).toBe(text);
  });

  test.for<[number, string]>([
    [0, '0'],
    [-0, '-0.0'],
    [-12, '-12'],
    [1e20, '100000000000000000000'],
    [1e21, '1000000000000000000000'],
    [1e30, '1000000000000000019884624838656'],
    [0.5, '0.5'],
  ])('%d is %s', ([value, text]) => {
    expect(pythonNumber(value)).toBe(text);
  });

  test('every double comes back from its spelling', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Object.is(Number(pythonFloat(value)), value)).toBe(true);
        expect(pythonFloat(value)).toMatch(/[.e]/);
      }),
      { numRuns: 2000 },
    );
  });
});
