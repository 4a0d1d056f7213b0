import { describe, expect, test } from 'vitest';

import { parseSafetensors, serializeSafetensors, type StoredTensor } from '../../src/index.ts';
import { maxHeaderBytes } from '../../src/safetensors/header.ts';
import { expectError } from '../support/expect-error.ts';
import { rawFile } from '../support/safetensors-bytes.ts';

const member = (_: unknown, i: number): string => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`;
const tensor: StoredTensor = { dtype: 'U8', shape: [1], bytes: new Uint8Array(1) };

describe('headers of up to 100 MB', () => {
  test('a million tensors are read, one more is refused', async () => {
    const members = Array.from({ length: 1_000_001 }, member);
    await expectError('too-large', () => parseSafetensors(rawFile(`{${members.join(',')}}`)));
    members.pop();
    expect(parseSafetensors(rawFile(`{${members.join(',')}}`)).tensors.size).toBe(1_000_000);
  });

  test('a header one byte longer than the limit is refused, both ways', async () => {
    await expectError('header', () => parseSafetensors(rawFile(`{}${' '.repeat(maxHeaderBytes - 1)}`)));
    expect(parseSafetensors(rawFile(`{}${' '.repeat(maxHeaderBytes - 2)}`)).tensors.size).toBe(0);
    await expectError('too-large', () => serializeSafetensors([['a'.repeat(maxHeaderBytes), tensor]]));
  });

  test.for<[string, () => string]>([
    [
      '8,000,000 texts of metadata',
      () => `{"__metadata__":{${Array.from({ length: 8e6 }, (_, i) => `"${i.toString(36)}":""`).join(',')}}}`,
    ],
    ['40,000,000 sizes', () => `{"a":{"shape":[${'1,'.repeat(4e7)}1]}}`],
    ['40,000,000 numbers in an unknown field', () => `{"a":{"x":[${'1,'.repeat(4e7)}1]}}`],
    ['90,000,000 digits', () => `{"a":{"shape":[${'1'.repeat(9e7)}]}}`],
    ['a name of 90,000,000 characters', () => `{"${'a'.repeat(9e7)}":1}`],
    ['40,000,000 escapes', () => `{"${'\\n'.repeat(4e7)}":1}`],
    ['90,000,000 brackets', () => `{"a":${'['.repeat(9e7)}`],
  ])('%s are refused in linear time', ([, header]) => {
    expect(() => parseSafetensors(rawFile(header()))).toThrow(/parseSafetensors: /);
  });
});
