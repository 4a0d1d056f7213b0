import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import {
  fromFloat32,
  fromInt32,
  parseSafetensors,
  safetensorsDTypes,
  serializeSafetensors,
  type StoredTensor,
} from '../../src/index.ts';
import { expectError } from '../support/expect-error.ts';
import { fixtures } from '../support/files.ts';
import { counting } from '../support/safetensors-bytes.ts';

const byte: StoredTensor = { dtype: 'U8', shape: [1], bytes: counting(1) };

function headerText(bytes: Uint8Array): string {
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return new TextDecoder().decode(bytes.subarray(8, 8 + length));
}

describe('the bytes of Python', () => {
  test('the example in the tests of its library', () => {
    const bytes = serializeSafetensors([['attn.0', fromFloat32(Float32Array.of(0, 1, 2, 3, 4, 5), [1, 2, 3])]]);
    expect(headerText(bytes)).toBe('{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}');
    expect([...bytes.subarray(0, 8)]).toEqual([64, 0, 0, 0, 0, 0, 0, 0]);
    expect([...bytes.subarray(72)]).toEqual([
      0, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64, 0, 0, 160, 64,
    ]);
  });

  test('four-bit elements, and blanks up to a multiple of 8', () => {
    const bytes = serializeSafetensors([['attn.0', { dtype: 'F4', shape: [1, 2], bytes: Uint8Array.of(0) }]]);
    expect(headerText(bytes)).toBe('{"attn.0":{"dtype":"F4","shape":[1,2],"data_offsets":[0,1]}}    ');
  });

  test.for([
    'llama-bf16/model.safetensors',
    'gpt2-sharded/model-00001-of-00005.safetensors',
    'gpt2-sharded/model-00004-of-00005.safetensors',
  ])('a saved model, from tensors in any order: %s', (name) => {
    const original = new Uint8Array(readFileSync(join(fixtures, name)));
    const { tensors, metadata } = parseSafetensors(original);
    expect(metadata).toEqual(new Map([['format', 'pt']]));
    expect(serializeSafetensors([...tensors].reverse(), { metadata: { format: 'pt' } })).toEqual(original);
  });

  test('no tensors', () => {
    expect(headerText(serializeSafetensors([]))).toBe('{}      ');
    expect(headerText(serializeSafetensors([], { metadata: {} }))).toBe('{"__metadata__":{}}     ');
  });

  test('wide elements first, in the order of the library, whatever the names', () => {
    const tensors = safetensorsDTypes.map((dtype, i): [string, StoredTensor] => [
      String.fromCharCode(97 + i),
      { dtype, shape: [0], bytes: new Uint8Array() },
    ]);
    const order = [...parseSafetensors(serializeSafetensors(tensors)).tensors.values()].map(({ dtype }) => dtype);
    expect(order).toEqual([...safetensorsDTypes].reverse());
    expect(order.slice(0, 5)).toEqual(['U64', 'I64', 'F64', 'C64', 'F32']);
  });

  test('names in the order of their code points, not of UTF-16', () => {
    const names = ['😀', 'ﬀ', 'b', 'a.10', 'a.2', 'a', 'B', ''];
    const { tensors } = parseSafetensors(serializeSafetensors(names.map((name) => [name, byte])));
    expect([...tensors.keys()]).toEqual(['', 'B', 'a', 'a.10', 'a.2', 'b', 'ﬀ', '😀']);
  });

  test('escapes of names: quotes, backslashes and controls only', () => {
    expect(headerText(serializeSafetensors([['"\\\n\u0001\u007fé/', byte]]))).toContain(
      '{"\\"\\\\\\n\\u0001\u007fé/":',
    );
  });

  test('metadata stands first, in the order given', () => {
    const text = headerText(
      serializeSafetensors([['a', byte]], {
        metadata: new Map([
          ['z', 'é"'],
          ['a', ''],
        ]),
      }),
    );
    expect(text).toMatch(/^\{"__metadata__":\{"z":"é\\"","a":""\},"a":\{/);
  });
});

describe('what comes back', () => {
  test('names of prototype members', () => {
    const names = ['__proto__', 'constructor', 'hasOwnProperty'];
    const { tensors } = parseSafetensors(serializeSafetensors(names.map((name) => [name, byte])));
    expect([...tensors.keys()]).toEqual(names);
  });

  test('tensors of no elements and of no axes', () => {
    const { tensors } = parseSafetensors(
      serializeSafetensors([
        ['empty', { dtype: 'I64', shape: [0, 3], bytes: new Uint8Array() }],
        ['scalar', fromInt32(Int32Array.of(-7), [], 'I64')],
      ]),
    );
    expect(tensors.get('empty')?.shape).toEqual([0, 3]);
    expect(tensors.get('scalar')).toEqual({
      dtype: 'I64',
      shape: [],
      bytes: Uint8Array.of(0xf9, 255, 255, 255, 255, 255, 255, 255),
    });
  });

  test('bytes that are a part of a larger buffer', () => {
    const part = counting(9).subarray(3, 5);
    const { tensors } = parseSafetensors(serializeSafetensors([['a', { dtype: 'U8', shape: [2], bytes: part }]]));
    expect(tensors.get('a')?.bytes).toEqual(Uint8Array.of(4, 5));
  });

  test('a Map and a generator serve as well as an array', () => {
    function* generated(): Generator<[string, StoredTensor]> {
      yield ['a', byte];
    }
    expect(serializeSafetensors(generated())).toEqual(serializeSafetensors(new Map([['a', byte]])));
  });
});

describe('refused', () => {
  test('the same name twice', () =>
    expectError('name', () =>
      serializeSafetensors([
        ['a', byte],
        ['a', byte],
      ]),
    ));
  test('the name of the metadata', () => expectError('name', () => serializeSafetensors([['__metadata__', byte]])));
  test('a name with a lone surrogate', () => expectError('name', () => serializeSafetensors([['a\ud800', byte]])));
  test('an unknown element type', () =>
    expectError('dtype', () => serializeSafetensors([['a', { ...byte, dtype: 'f32' as 'F32' }]])));
  test('a byte too few', () => expectError('shape', () => serializeSafetensors([['a', { ...byte, shape: [2] }]])));
  test('a byte too many', () => expectError('shape', () => serializeSafetensors([['a', { ...byte, shape: [0] }]])));
  test('bytes whose buffer was given away', () => {
    const bytes = counting(4);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    return expectError('shape', () => serializeSafetensors([['a', { dtype: 'U8', shape: [4], bytes }]]));
  });
  test.for([[1.5], [-1], [NaN], [2 ** 53], [2 ** 30, 2 ** 30]])('the shape %j', async (shape) => {
    await expectError('shape', () => serializeSafetensors([['a', { ...byte, shape }]]));
  });
  test('half a byte', () =>
    expectError('shape', () => serializeSafetensors([['a', { dtype: 'F4', shape: [3], bytes: counting(2) }]])));
  test('metadata that is no text', () =>
    expectError('header', () => serializeSafetensors([], { metadata: { step: 5 as unknown as string } })));
});
