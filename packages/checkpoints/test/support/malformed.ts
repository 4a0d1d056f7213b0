import type { CheckpointErrorCode } from '../../src/index.ts';
import { counting, entry, headerOf, rawFile } from './safetensors-bytes.ts';

/** A file that must be refused, and why. */
export interface Malformed {
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly code: CheckpointErrorCode;
}

const one = counting(1);
const raw = (member: string, data: Uint8Array = one): Uint8Array => rawFile(`{"a":{${member}}}`, { data });
const shaped = (shape: string, data: Uint8Array = one): Uint8Array =>
  raw(`"dtype":"U8","shape":${shape},"data_offsets":[0,${data.length}]`, data);
const placed = (offsets: string): Uint8Array => raw(`"dtype":"U8","shape":[1],"data_offsets":${offsets}`);
const entryText = JSON.stringify(entry(0, 1));
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** Malformed files of the kinds that only a JavaScript reader meets, besides those of test/fixtures/bad. */
export const malformed: readonly Malformed[] = [
  { title: 'length above 2^53', bytes: rawFile('{}', { length: 2n ** 53n + 1n }), code: 'header' },
  { title: 'length whose low 32 bits would fit', bytes: rawFile('{}', { length: 2n ** 32n + 2n }), code: 'header' },
  { title: 'length one too long', bytes: rawFile('{}', { length: 3n }), code: 'header' },
  { title: 'shape 1e0', bytes: shaped('[1e0]'), code: 'shape' },
  { title: 'shape 1.0', bytes: shaped('[1.0]'), code: 'shape' },
  { title: 'shape -0', bytes: shaped('[-0]', new Uint8Array()), code: 'shape' },
  { title: 'shape 2^53 + 1, which rounds to 2^53', bytes: shaped('[9007199254740993]'), code: 'shape' },
  { title: 'shape null', bytes: shaped('[null]'), code: 'shape' },
  { title: 'shape true', bytes: shaped('[true]'), code: 'shape' },
  { title: 'shape nested', bytes: shaped('[[1]]'), code: 'shape' },
  { title: 'shape an object with length', bytes: shaped('{"length":0}'), code: 'shape' },
  { title: 'shape a text', bytes: shaped('"1"'), code: 'shape' },
  { title: 'shape 01', bytes: shaped('[01]'), code: 'header' },
  { title: 'shape +1', bytes: shaped('[+1]'), code: 'shape' },
  { title: 'shape 0x1', bytes: shaped('[0x1]'), code: 'header' },
  { title: 'shape 1e400', bytes: shaped('[1e400]'), code: 'header' },
  { title: 'shape product 2^54 times 0', bytes: shaped('[134217728,134217728,0]', new Uint8Array()), code: 'shape' },
  { title: 'shape of 65 axes', bytes: shaped(`[${Array(65).fill(1).join(',')}]`), code: 'shape' },
  { title: 'offsets 1e0', bytes: placed('[0,1e0]'), code: 'offsets' },
  { title: 'offsets -0', bytes: placed('[-0,1]'), code: 'offsets' },
  { title: 'offsets texts', bytes: placed('["0","1"]'), code: 'offsets' },
  { title: 'offsets none', bytes: placed('[]'), code: 'offsets' },
  { title: 'offsets one', bytes: placed('[1]'), code: 'offsets' },
  { title: 'offsets null', bytes: placed('null'), code: 'offsets' },
  { title: 'offsets an object', bytes: placed('{"0":0,"1":1}'), code: 'offsets' },
  { title: 'offsets above 2^53', bytes: placed('[0,9007199254740993]'), code: 'offsets' },
  { title: 'offsets that wrap 2^32', bytes: placed('[0,4294967297]'), code: 'shape' },
  { title: 'dtype constructor', bytes: raw('"dtype":"constructor","shape":[1],"data_offsets":[0,1]'), code: 'dtype' },
  { title: 'dtype __proto__', bytes: raw('"dtype":"__proto__","shape":[1],"data_offsets":[0,1]'), code: 'dtype' },
  { title: 'dtype with a blank', bytes: raw('"dtype":"U8 ","shape":[1],"data_offsets":[0,1]'), code: 'dtype' },
  { title: 'dtype empty', bytes: raw('"dtype":"","shape":[1],"data_offsets":[0,1]'), code: 'dtype' },
  { title: 'dtype null', bytes: raw('"dtype":null,"shape":[1],"data_offsets":[0,1]'), code: 'dtype' },
  { title: 'dtype a map', bytes: raw('"dtype":{"U8":null},"shape":[1],"data_offsets":[0,1]'), code: 'dtype' },
  { title: 'entry an array', bytes: rawFile('{"a":["U8",[1],[0,1]]}', { data: one }), code: 'header' },
  { title: 'entry a text', bytes: rawFile('{"a":"U8"}', { data: one }), code: 'header' },
  { title: 'fields only inherited', bytes: raw(`"__proto__":${entryText}`), code: 'dtype' },
  {
    title: 'the same name twice',
    bytes: rawFile(`{"a":${entryText},"a":${entryText}}`, { data: one }),
    code: 'header',
  },
  {
    title: 'the same name twice, once escaped',
    bytes: rawFile(`{"a":${entryText},"\\u0061":${entryText}}`, { data: one }),
    code: 'header',
  },
  {
    title: 'the same field twice',
    bytes: raw('"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]'),
    code: 'header',
  },
  {
    title: '__proto__ twice',
    bytes: rawFile(`{"__proto__":${entryText},"__proto__":${entryText}}`, { data: one }),
    code: 'header',
  },
  { title: 'metadata twice', bytes: rawFile('{"__metadata__":{},"__metadata__":{}}'), code: 'header' },
  { title: 'metadata key twice', bytes: rawFile('{"__metadata__":{"a":"","a":""}}'), code: 'header' },
  { title: 'metadata value null', bytes: rawFile('{"__metadata__":{"a":null}}'), code: 'header' },
  {
    title: 'metadata of 10,001 texts',
    bytes: rawFile(
      headerOf({ __metadata__: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`k${i}`, ''])) }),
    ),
    code: 'too-large',
  },
  { title: 'lone surrogate in a name', bytes: rawFile(`{"\\ud800":${entryText}}`, { data: one }), code: 'header' },
  {
    title: 'surrogates in the wrong order',
    bytes: rawFile(`{"\\udc00\\ud800":${entryText}}`, { data: one }),
    code: 'header',
  },
  {
    title: 'UTF-8 of a surrogate',
    bytes: rawFile(Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d)),
    code: 'header',
  },
  {
    title: 'overlong UTF-8',
    bytes: rawFile(Uint8Array.of(0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d)),
    code: 'header',
  },
  { title: 'UTF-8 cut off', bytes: rawFile(Uint8Array.of(0x7b, 0x22, 0xc3)), code: 'header' },
  { title: 'UTF-16', bytes: rawFile(Uint8Array.of(0x7b, 0, 0x7d, 0)), code: 'header' },
  { title: 'control character in a name', bytes: rawFile(`{"\n":${entryText}}`, { data: one }), code: 'header' },
  { title: 'escape that JSON lacks', bytes: rawFile(`{"\\x41":${entryText}}`, { data: one }), code: 'header' },
  { title: 'name without an end', bytes: rawFile('{"a'), code: 'header' },
  { title: 'escape without an end', bytes: rawFile('{"a\\'), code: 'header' },
  { title: 'NUL behind the header', bytes: rawFile('{}\0'), code: 'header' },
  { title: 'no-break space behind the header', bytes: rawFile('{}\u00a0'), code: 'header' },
  { title: 'comment', bytes: rawFile('{/**/}'), code: 'header' },
  { title: 'single quotes', bytes: rawFile(`{'a':${entryText}}`, { data: one }), code: 'header' },
  { title: 'key without quotes', bytes: rawFile(`{a:${entryText}}`, { data: one }), code: 'header' },
  { title: 'only a comma', bytes: rawFile('{,}'), code: 'header' },
  { title: 'comma in front', bytes: rawFile(`{,"a":${entryText}}`, { data: one }), code: 'header' },
  { title: 'no comma', bytes: rawFile(`{"a":${entryText} "b":${entryText}}`, { data: one }), code: 'header' },
  { title: 'no colon', bytes: rawFile(`{"a"${entryText}}`, { data: one }), code: 'header' },
  { title: 'two objects', bytes: rawFile('{}{}'), code: 'header' },
  { title: 'object without an end', bytes: rawFile('{"__metadata__":{}'), code: 'header' },
  {
    title: 'unknown field 128 levels deep',
    bytes: raw(`"x":${nested(126)},"dtype":"U8","shape":[1],"data_offsets":[0,1]`),
    code: 'header',
  },
  { title: 'unknown field 10,000 levels deep', bytes: raw(`"x":${nested(10_000)}`), code: 'header' },
  { title: 'unknown field not JSON', bytes: raw('"x":undefined'), code: 'header' },
  {
    title: 'ten tensors over one range',
    bytes: rawFile(headerOf(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`t${i}`, entry(0, 4)]))), {
      data: counting(4),
    }),
    code: 'offsets',
  },
  {
    title: 'empty tensor inside of another',
    bytes: rawFile(headerOf({ a: entry(0, 4), b: entry(2, 0) }), { data: counting(4) }),
    code: 'offsets',
  },
  {
    title: 'second tensor that ends before it begins',
    bytes: rawFile(headerOf({ a: entry(0, 4), b: { dtype: 'U8', shape: [2], data_offsets: [4, 2] } }), {
      data: counting(4),
    }),
    code: 'offsets',
  },
  { title: 'hole at the end', bytes: rawFile(headerOf({ a: entry(0, 3) }), { data: counting(4) }), code: 'offsets' },
  {
    title: 'hole before an empty tensor',
    bytes: rawFile(headerOf({ a: entry(0, 3), b: entry(4, 0) }), { data: counting(4) }),
    code: 'offsets',
  },
  { title: 'data but no tensors', bytes: rawFile('{}', { data: one }), code: 'offsets' },
  {
    title: 'six-bit type that ends within a byte',
    bytes: raw('"dtype":"F6_E2M3","shape":[3],"data_offsets":[0,2]', counting(2)),
    code: 'shape',
  },
  {
    title: 'complex type counted as one float',
    bytes: raw('"dtype":"C64","shape":[1],"data_offsets":[0,4]', counting(4)),
    code: 'shape',
  },
];
