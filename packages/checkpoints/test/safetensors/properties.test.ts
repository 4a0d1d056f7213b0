import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import {
  CheckpointError,
  parseSafetensors,
  type SafetensorsFile,
  safetensorsDTypes,
  serializeSafetensors,
} from '../../src/index.ts';
import { metadataTexts, tensorList } from '../support/arbitraries.ts';
import { prototypeNames } from '../support/expect-error.ts';

/** One change of a file that leaves most of it as it was. */
type Mutation = (bytes: Uint8Array) => Uint8Array;

const tokens = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u0000',
  '0',
  '-',
  '1.0',
  '1e3',
  '9007199254740993',
  'null',
  'true',
  ' ',
  '\n',
  '\ufeff',
  '"dtype"',
  '"shape":[1],',
  'U8',
  '"a":{}',
  '__metadata__',
  '[0,0]',
];

/** Changes of single bytes anywhere, of the length, of tokens and numbers in the header, and cuts and additions at the end. */
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.nat(), fc.nat(255)).map(
    ([spot, byte]): Mutation =>
      (bytes) =>
        bytes.with(spot % bytes.length, byte),
  ),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(
    (length): Mutation =>
      (bytes) =>
        withLength(bytes, length),
  ),
  fc.integer({ min: -9, max: 9 }).map(
    (change): Mutation =>
      (bytes) =>
        withLength(bytes, BigInt.asUintN(64, lengthOf(bytes) + BigInt(change))),
  ),
  fc.nat().map(
    (end): Mutation =>
      (bytes) =>
        bytes.slice(0, end % bytes.length),
  ),
  fc.uint8Array({ minLength: 1, maxLength: 16 }).map(
    (more): Mutation =>
      (bytes) =>
        Uint8Array.from([...bytes, ...more]),
  ),
  fc
    .tuple(fc.constantFrom(...tokens), fc.nat(), fc.nat(3))
    .map(([token, spot, cut]) => inHeader((text) => splice(text, { spot, cut, token }))),
  fc
    .tuple(fc.nat(), fc.constantFrom(...tokens, '7', '65', '4294967297'))
    .map(([which, number]) => inHeader((text) => replaceNth(text, /[0-9]+/g, { which, by: number }))),
  fc
    .tuple(fc.nat(), fc.constantFrom(...safetensorsDTypes, 'f32', 'F33'))
    .map(([which, dtype]) => inHeader((text) => replaceNth(text, /(?<="dtype":")[^"]*/g, { which, by: dtype }))),
  fc.tuple(fc.nat(), fc.nat()).map(([which, from]) => inHeader((text) => duplicateMember(text, { which, from }))),
);

describe('round trips', () => {
  test('what is written is read again, and is written again as the same bytes', () => {
    fc.assert(
      fc.property(tensorList, metadataTexts, (tensors, metadata) => {
        const bytes = serializeSafetensors(tensors, { metadata });
        const file = parseSafetensors(bytes);
        expect(new Map(file.tensors)).toEqual(new Map(tensors));
        expect([...file.metadata]).toEqual([...(metadata ?? [])]);
        expect(bytes.length % 8 === 0 || tensors.some(([, tensor]) => tensor.bytes.length % 8 !== 0)).toBe(true);
        expect(serializeSafetensors([...tensors].reverse(), { metadata })).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test('wide tensors lie at multiples of their element size', () => {
    fc.assert(
      fc.property(tensorList, (tensors) => {
        const file = parseSafetensors(serializeSafetensors(tensors));
        for (const { dtype, bytes } of file.tensors.values()) {
          const size = /64/.test(dtype) ? 8 : /32/.test(dtype) ? 4 : /16/.test(dtype) ? 2 : 1;
          expect(bytes.byteOffset % size).toBe(0);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('20,000 mutated files are read consistently or refused with a typed error', () => {
  const before = prototypeNames();
  const outcomes = { read: 0, refused: 0 };
  fc.assert(
    fc.property(
      tensorList,
      metadataTexts,
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      (tensors, metadata, mutations) => {
        const bytes = mutations.reduce<Uint8Array>(
          (mutated, mutate) => (mutated.length === 0 ? mutated : mutate(mutated)),
          serializeSafetensors(tensors, { metadata }),
        );
        const file = parseOrRefuse(bytes);
        if (file) checkConsistent(file, bytes);
        outcomes[file ? 'read' : 'refused']++;
      },
    ),
    { numRuns: 20_000 },
  );
  expect(prototypeNames()).toEqual(before);
  expect(outcomes.read).toBeGreaterThan(500); // the mutator leaves enough of a file to get past the first checks
  expect(outcomes.refused).toBeGreaterThan(5000);
});

function parseOrRefuse(bytes: Uint8Array): SafetensorsFile | undefined {
  try {
    return parseSafetensors(bytes);
  } catch (error) {
    if (!CheckpointError.isInstance(error)) throw error;
    return undefined;
  }
}

/** The tensors cover the data one behind the other, and the file can be written and read again. */
function checkConsistent(file: SafetensorsFile, bytes: Uint8Array): void {
  let end = 8 + Number(lengthOf(bytes));
  for (const tensor of file.tensors.values()) {
    expect(tensor.bytes.byteOffset - bytes.byteOffset).toBe(end);
    end += tensor.bytes.length;
  }
  expect(end).toBe(bytes.length);
  expect(parseSafetensors(serializeSafetensors(file.tensors)).tensors.size).toBe(file.tensors.size);
}

function lengthOf(bytes: Uint8Array): bigint {
  const start = new Uint8Array(8);
  start.set(bytes.subarray(0, 8));
  return new DataView(start.buffer).getBigUint64(0, true);
}

function withLength(bytes: Uint8Array, length: bigint): Uint8Array {
  const copy = new Uint8Array(Math.max(8, bytes.length));
  copy.set(bytes);
  new DataView(copy.buffer).setBigUint64(0, length, true);
  return copy;
}

/** Changes the text of the header and corrects its length. */
function inHeader(change: (text: string) => string): Mutation {
  return (bytes) => {
    const end = Number(8n + lengthOf(bytes));
    if (end > bytes.length) return bytes;
    const header = new TextEncoder().encode(change(new TextDecoder().decode(bytes.subarray(8, end))));
    return withLength(
      Uint8Array.from([...bytes.subarray(0, 8), ...header, ...bytes.subarray(end)]),
      BigInt(header.length),
    );
  };
}

function splice(text: string, { spot, cut, token }: { spot: number; cut: number; token: string }): string {
  const at = spot % (text.length + 1);
  return text.slice(0, at) + token + text.slice(at + cut);
}

function replaceNth(text: string, pattern: RegExp, { which, by }: { which: number; by: string }): string {
  const matches = [...text.matchAll(pattern)];
  const match = matches[which % Math.max(1, matches.length)];
  return match ? text.slice(0, match.index) + by + text.slice(match.index + match[0].length) : text;
}

/** Writes one member of the header a second time, under its own name or another's. */
function duplicateMember(text: string, { which, from }: { which: number; from: number }): string {
  const members = [...text.matchAll(/"(?:[^"\\]|\\.)*":(\{[^{}]*\})/g)];
  const [one, other] = [members[which % Math.max(1, members.length)], members[from % Math.max(1, members.length)]];
  if (!one || !other) return text;
  const name = one[0].slice(0, -(one[1]?.length ?? 0));
  return `${text.slice(0, one.index)}${name}${other[1]},${text.slice(one.index)}`;
}
