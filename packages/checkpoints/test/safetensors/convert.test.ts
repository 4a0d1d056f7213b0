import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  fromFloat32,
  fromInt32,
  parseSafetensors,
  type SafetensorsDType,
  type StoredTensor,
  toFloat32,
  toInt32,
} from '../../src/index.ts';
import { roundToHalf, widenHalf } from '../../src/safetensors/half.ts';
import { expectError } from '../support/expect-error.ts';
import { fixtures } from '../support/files.ts';

/** A tensor of one axis whose bytes are those of a typed array. */
function stored(dtype: SafetensorsDType, array: ArrayBufferView & { readonly length: number }): StoredTensor {
  return { dtype, shape: [array.length], bytes: new Uint8Array(array.buffer, array.byteOffset, array.byteLength) };
}

function floats(...values: number[]): number[] {
  return values.map(Math.fround);
}

describe('toFloat32', () => {
  test('F32 as a copy', () => {
    const source = Float32Array.of(1.5, -0, NaN, Infinity, 1e-45);
    const values = toFloat32(stored('F32', source));
    expect([...values]).toEqual([1.5, -0, NaN, Infinity, Math.fround(1e-45)]);
    values[0] = 7;
    expect(source[0]).toBe(1.5);
  });

  test('F64 to nearest, ties to even', () => {
    const tie = 1 + 2 ** -24;
    expect([...toFloat32(stored('F64', Float64Array.of(0.1, tie, 1 + 3 * 2 ** -24, -Infinity, NaN)))]).toEqual([
      Math.fround(0.1),
      1,
      1 + 2 ** -22,
      -Infinity,
      NaN,
    ]);
  });

  test('F64 that float32 cannot hold', async () => {
    const error = await expectError('value', () =>
      toFloat32(stored('F64', Float64Array.of(1, -1e39)), { name: 'wte.weight' }),
    );
    expect(error.message).toBe('toFloat32: wte.weight: element 1 must fit into float32, got -1e+39');
  });

  test('F16: known codes', () => {
    const codes = Uint16Array.of(
      0x0000,
      0x8000,
      0x3c00,
      0xc000,
      0x0001,
      0x03ff,
      0x0400,
      0x7bff,
      0x7c00,
      0xfc00,
      0x7e00,
    );
    expect([...toFloat32(stored('F16', codes))]).toEqual([
      0,
      -0,
      1,
      -2,
      2 ** -24,
      1023 * 2 ** -24,
      2 ** -14,
      65504,
      Infinity,
      -Infinity,
      NaN,
    ]);
  });

  test('BF16: known codes', () => {
    const codes = Uint16Array.of(0x0000, 0x8000, 0x3fc0, 0xc000, 0x0001, 0x7f7f, 0x7f80, 0xff80, 0x7fc0);
    expect([...toFloat32(stored('BF16', codes))]).toEqual([
      0,
      -0,
      1.5,
      -2,
      2 ** -133,
      255 * 2 ** 120,
      Infinity,
      -Infinity,
      NaN,
    ]);
  });

  test.for<[SafetensorsDType, [number, number][]]>([
    [
      'F8_E4M3',
      [
        [0x00, 0],
        [0x80, -0],
        [0x01, 2 ** -9],
        [0x08, 2 ** -6],
        [0x38, 1],
        [0x7e, 448],
        [0xfe, -448],
        [0x7f, NaN],
        [0xff, NaN],
      ],
    ],
    [
      'F8_E5M2',
      [
        [0x00, 0],
        [0x80, -0],
        [0x01, 2 ** -16],
        [0x04, 2 ** -14],
        [0x3c, 1],
        [0x7b, 57344],
        [0x7c, Infinity],
        [0xfc, -Infinity],
        [0x7d, NaN],
        [0xff, NaN],
      ],
    ],
    [
      'F8_E4M3FNUZ',
      [
        [0x00, 0],
        [0x80, NaN],
        [0x01, 2 ** -10],
        [0x40, 1],
        [0x7f, 240],
        [0xff, -240],
      ],
    ],
    [
      'F8_E5M2FNUZ',
      [
        [0x00, 0],
        [0x80, NaN],
        [0x01, 2 ** -17],
        [0x40, 1],
        [0x7f, 57344],
        [0xff, -57344],
      ],
    ],
    [
      'F8_E8M0',
      [
        [0x00, 2 ** -127],
        [0x7f, 1],
        [0x80, 2],
        [0xfe, 2 ** 127],
        [0xff, NaN],
      ],
    ],
  ])('%s: known codes', ([dtype, pairs]) => {
    const values = toFloat32(
      stored(
        dtype,
        Uint8Array.from(pairs, ([code]) => code),
      ),
    );
    expect([...values]).toEqual(pairs.map(([, value]) => value));
  });

  test.for<[SafetensorsDType, ArrayBufferView & { readonly length: number }, number[]]>([
    ['BOOL', Uint8Array.of(0, 1, 255), [0, 1, 1]],
    ['U8', Uint8Array.of(0, 255), [0, 255]],
    ['I8', Int8Array.of(-128, 127), [-128, 127]],
    ['I16', Int16Array.of(-32768, 32767), [-32768, 32767]],
    ['U16', Uint16Array.of(65535), [65535]],
    ['I32', Int32Array.of(-16777216, 16777216), [-16777216, 16777216]],
    ['U32', Uint32Array.of(2 ** 31), [2 ** 31]],
    ['I64', BigInt64Array.of(-3n, 2n ** 40n), [-3, 2 ** 40]],
    ['U64', BigUint64Array.of(2n ** 63n), [2 ** 63]],
  ])('%s', ([dtype, array, expected]) => {
    expect([...toFloat32(stored(dtype, array))]).toEqual(expected);
  });

  test.for<[SafetensorsDType, ArrayBufferView & { readonly length: number }]>([
    ['I32', Int32Array.of(16777217)],
    ['U32', Uint32Array.of(2 ** 32 - 1)],
    ['I64', BigInt64Array.of(2n ** 53n + 1n)],
    ['U64', BigUint64Array.of(2n ** 64n - 1n)],
  ])('%s that float32 cannot hold exactly', async ([dtype, array]) => {
    await expectError('value', () => toFloat32(stored(dtype, array)));
  });

  test.for<SafetensorsDType>(['F4', 'F6_E2M3', 'F6_E3M2', 'C64'])('%s has no conversion', async (dtype) => {
    await expectError('dtype', () =>
      toFloat32({ dtype, shape: [8], bytes: new Uint8Array(dtype === 'C64' ? 64 : Number(dtype[1])) }),
    );
  });

  test('bytes at an odd place', () => {
    const bytes = new Uint8Array(9);
    bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer), 1);
    expect([...toFloat32({ dtype: 'F32', shape: [2], bytes: bytes.subarray(1) })]).toEqual([1.5, -2]);
    expect([...toFloat32({ dtype: 'F16', shape: [1], bytes: Uint8Array.of(9, 0, 0x3c).subarray(1) })]).toEqual([1]);
  });

  test('bytes in a Buffer of Node, which shares its memory', () => {
    const bytes = Buffer.from(new Uint8Array(Float32Array.of(1.5, -2).buffer));
    expect([...toFloat32({ dtype: 'F32', shape: [2], bytes })]).toEqual([1.5, -2]);
  });

  test('bytes missing', () =>
    expectError('shape', () => toFloat32({ dtype: 'F32', shape: [2], bytes: new Uint8Array(7) })));

  test('the valid file with ten types', async () => {
    const { tensors } = parseSafetensors(readFileSync(join(fixtures, 'bad/valid-all-dtypes.safetensors')));
    const tensor = (name: string): StoredTensor => tensors.get(name)!;
    expect([...toFloat32(tensor('bf16'))]).toEqual([1.5, -2]);
    expect([...toFloat32(tensor('f16'))]).toEqual([1.5, -2]);
    expect([...toFloat32(tensor('f32'))]).toEqual(floats(0.1));
    expect([...toFloat32(tensor('bool'))]).toEqual([1, 0]);
    expect([...toInt32(tensor('i32'))]).toEqual([-70_000]);
    await expectError('value', () => toFloat32(tensor('i64'))); // -(2^53) - 2
    await expectError('value', () => toInt32(tensor('i64')));
  });
});

describe('toInt32', () => {
  test.for<[SafetensorsDType, ArrayBufferView & { readonly length: number }, number[]]>([
    ['BOOL', Uint8Array.of(0, 1, 2), [0, 1, 1]],
    ['U8', Uint8Array.of(255), [255]],
    ['I8', Int8Array.of(-128), [-128]],
    ['I16', Int16Array.of(-32768), [-32768]],
    ['U16', Uint16Array.of(65535), [65535]],
    ['I32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1), [-(2 ** 31), 2 ** 31 - 1]],
    ['U32', Uint32Array.of(2 ** 31 - 1), [2 ** 31 - 1]],
    ['I64', BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n, -100n), [-(2 ** 31), 2 ** 31 - 1, -100]],
    ['U64', BigUint64Array.of(7n), [7]],
  ])('%s', ([dtype, array, expected]) => {
    expect([...toInt32(stored(dtype, array))]).toEqual(expected);
  });

  test.for<[SafetensorsDType, ArrayBufferView & { readonly length: number }]>([
    ['I64', BigInt64Array.of(0n, 2n ** 31n)],
    ['I64', BigInt64Array.of(0n, -(2n ** 31n) - 1n)],
    ['I64', BigInt64Array.of(0n, 2n ** 32n)],
    ['U64', BigUint64Array.of(0n, 2n ** 64n - 1n)],
    ['U32', Uint32Array.of(0, 2 ** 31)],
  ])('%s beyond int32', async ([dtype, array]) => {
    const error = await expectError('value', () => toInt32(stored(dtype, array), { name: 'input_ids' }));
    expect(error.message).toMatch(/^toInt32: input_ids: element 1 must fit into int32, got -?\d+$/);
  });

  test.for<SafetensorsDType>(['F32', 'F16', 'BF16', 'F64'])('%s has no conversion', async (dtype) => {
    await expectError('dtype', () => toInt32({ dtype, shape: [0], bytes: new Uint8Array() }));
  });
});

describe('fromFloat32', () => {
  test('F32 and F64 keep every value', () => {
    const values = Float32Array.of(0.1, -0, NaN, -Infinity, 1e-45, 3.4028234663852886e38);
    for (const dtype of ['F32', 'F64'] as const) expect(toFloat32(fromFloat32(values, [2, 3], dtype))).toEqual(values);
    expect(fromFloat32(values, [6], 'F64').bytes).toHaveLength(48);
  });

  test('F32 is a copy', () => {
    const values = Float32Array.of(1);
    const tensor = fromFloat32(values, [1]);
    values[0] = 2;
    expect([...toFloat32(tensor)]).toEqual([1]);
  });

  test('F16: to nearest, ties to even, overflow, subnormals', () => {
    const values = Float32Array.of(
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      65519.99,
      65520,
      -65520,
      2 ** -25,
      1.0000001 * 2 ** -25,
      3 * 2 ** -25,
      -(2 ** -26),
      NaN,
    );
    const expected = [1, 1 + 2 ** -9, 65504, Infinity, -Infinity, 0, 2 ** -24, 2 ** -23, -0, NaN];
    expect([...toFloat32(fromFloat32(values, [values.length], 'F16'))]).toEqual(expected);
    expect([...widenHalf(roundToHalf(values, null), null)]).toEqual(expected);
  });

  test('BF16: to nearest, ties to even, overflow, NaN', () => {
    const values = Float32Array.of(
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      1 + 2 ** -8 + 2 ** -20,
      -(1 + 2 ** -8),
      3.4e38,
      255.5 * 2 ** 120,
      Math.fround(2 ** -134),
      -Infinity,
      NaN,
    );
    const expected = [1, 1 + 2 ** -6, 1 + 2 ** -7, -1, Infinity, Infinity, 0, -Infinity, NaN];
    expect([...toFloat32(fromFloat32(values, [values.length], 'BF16'))]).toEqual(expected);
  });

  test('BF16: a NaN whose kept bits are zero stays NaN', () => {
    const values = new Float32Array(Uint32Array.of(0x7f800001, 0xff800001, 0x7fffffff).buffer);
    expect([...toFloat32(fromFloat32(values, [3], 'BF16'))]).toEqual([NaN, NaN, NaN]);
  });

  test('BF16: the result is one of the two neighbours and none is nearer', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true, max: 2 ** 127, min: -(2 ** 127) }), (value) => {
        const [rounded = NaN] = toFloat32(fromFloat32(Float32Array.of(value), [1], 'BF16'));
        const below =
          new Float32Array(
            Uint32Array.of((new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0) & 0xffff0000).buffer,
          )[0] ?? NaN;
        const above =
          new Float32Array(
            Uint32Array.of((new Uint32Array(Float32Array.of(below).buffer)[0] ?? 0) + 0x10000).buffer,
          )[0] ?? NaN;
        expect([below, above]).toContain(rounded);
        expect(Math.abs(rounded - value)).toBeLessThanOrEqual(
          Math.min(Math.abs(below - value), Math.abs(above - value)),
        );
      }),
      { numRuns: 2000 },
    );
  });

  test('all 65,536 codes of F16 and BF16 come back, also without Float16Array', () => {
    const codes = Uint16Array.from({ length: 65536 }, (_, code) => code);
    for (const dtype of ['F16', 'BF16'] as const) {
      const values = toFloat32(stored(dtype, codes));
      const again = fromFloat32(values, [65536], dtype);
      expect(toFloat32(again)).toEqual(values);
      expect(
        new Uint16Array(again.bytes.buffer).filter((code, i) => code !== i && !Number.isNaN(values[i])),
      ).toHaveLength(0);
    }
    const bytes = new Uint8Array(codes.buffer);
    expect(widenHalf(bytes, null)).toEqual(widenHalf(bytes));
    expect(roundToHalf(widenHalf(bytes), null).length).toBe(2 * 65536);
  });

  test('F16 with and without Float16Array agree', () => {
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 64, noNaN: true }), (values) => {
        expect(roundToHalf(values, null)).toEqual(roundToHalf(values));
      }),
      { numRuns: 500 },
    );
  });

  test('a shape of another size', () => expectError('shape', () => fromFloat32(new Float32Array(5), [2, 3])));
  test('a type for which there is no rounding', () =>
    expectError('dtype', () => fromFloat32(new Float32Array(1), [1], 'F8_E4M3' as 'F32')));
});

describe('fromInt32', () => {
  test('I32 and I64 come back', () => {
    const values = Int32Array.of(-(2 ** 31), -1, 0, 2 ** 31 - 1);
    for (const dtype of ['I32', 'I64'] as const) expect(toInt32(fromInt32(values, [2, 2], dtype))).toEqual(values);
    expect(fromInt32(values, [4], 'I64').bytes).toHaveLength(32);
  });

  test('a shape of another size', () => expectError('shape', () => fromInt32(new Int32Array(5), [2, 3])));
});
