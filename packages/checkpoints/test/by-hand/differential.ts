// Compares this package with the verdicts and bytes that differential.py (see there for how to run both) got from Python's libraries.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  CheckpointError,
  fromFloat32,
  parseJsonObject,
  parseSafetensors,
  serializeJson,
  serializeSafetensors,
  type StoredTensor,
  toFloat32,
} from '../../src/index.ts';
import { pythonFloat } from '../../src/json/python-number.ts';
import { roundToHalf, widenHalf } from '../../src/safetensors/half.ts';

interface Verdict {
  readonly file: string;
  readonly accepted: boolean;
  readonly error?: string;
  readonly tensors?: Readonly<Record<string, readonly [string, readonly number[], string]>>;
}

const folder = process.argv[2] ?? '/tmp/differential';
const read = (name: string): Buffer => readFileSync(join(folder, name));
// Not by JSON.parse: that of Node 24.21 reads some keys of one escaped character, such as "\\n", as a backslash.
const readList = (name: string): unknown => parseJsonObject(read(`${name}.json`))[name];
let failures = 0;

function check(what: string, isRight: boolean): void {
  if (isRight) return;
  failures++;
  console.log(`DIFFERS: ${what}`);
}

/** Where we refuse on purpose what Python's library takes; see "Checked against Python" in README.md. */
function knownDifference(bytes: Buffer, error: unknown): string | undefined {
  if (!CheckpointError.isInstance(error)) return undefined;
  const header = bytes.subarray(8).toString('utf8');
  if (error.message.includes('only once')) return 'a key that stands twice';
  if (error.code === 'header' && /":\s*\[\s*(?:"|\{)/.test(header)) return 'a tensor written as an array';
  if (error.code === 'dtype' && /"dtype":\s*\{/.test(header)) return 'a dtype written as a map';
  if (error.code === 'shape' && error.message.includes('2^53')) return 'more than 2^53 in the shape of an empty tensor';
  return undefined;
}

const known = new Map<string, number>();
const verdicts = readList('verdicts') as Verdict[];
let accepted = 0;
for (const verdict of verdicts) {
  const bytes = read(join('corpus', verdict.file));
  try {
    const { tensors } = parseSafetensors(bytes);
    check(`${verdict.file} is accepted, Python says ${verdict.error}`, verdict.accepted);
    const described = Object.fromEntries(
      [...tensors].map(([name, { dtype, shape, bytes: data }]) => [
        name,
        [dtype, shape, createHash('sha256').update(data).digest('hex')],
      ]),
    );
    const sorted = (value: object): string =>
      JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    if (verdict.tensors) check(`${verdict.file} holds other tensors`, sorted(described) === sorted(verdict.tensors));
    accepted++;
  } catch (error) {
    check(`${verdict.file}: untyped ${String(error)}`, CheckpointError.isInstance(error));
    const difference = knownDifference(bytes, error);
    if (verdict.accepted && difference) known.set(difference, (known.get(difference) ?? 0) + 1);
    else check(`${verdict.file} is refused (${String(error)}), Python accepts it`, !verdict.accepted);
  }
}
console.log(`${verdicts.length} verdicts, ${accepted} accepted by us; refused on purpose:`, Object.fromEntries(known));

const written = readdirSync(join(folder, 'written'));
for (const name of written) {
  const bytes = read(join('written', name));
  const { tensors, metadata } = parseSafetensors(bytes);
  const again = serializeSafetensors([...tensors].toReversed(), metadata.size > 0 ? { metadata } : {});
  check(`${name} is written in another way`, bytes.equals(again));
}
console.log(`${written.length} files written again`);

const documents = readList('documents') as [string, string][];
for (const [ascii, unicode] of documents) {
  check(`JSON ${ascii}`, serializeJson(parseJsonObject(ascii)) === ascii);
  check(`JSON ${unicode}`, serializeJson(parseJsonObject(ascii), { ensureAscii: false }) === unicode);
}
const floats = readList('floats') as [string, string][];
for (const [hex, text] of floats) check(`float ${text}`, pythonFloat(Buffer.from(hex, 'hex').readDoubleLE()) === text);
console.log(`${documents.length} JSON documents and ${floats.length} floats`);

const { tensors: rounding } = parseSafetensors(read('rounding.safetensors'));
const stored = (name: string): StoredTensor => rounding.get(name)!;
const values = toFloat32(stored('values'));

/** Same bits, but for NaN, of which there are many. */
function sameFloats(found: Float32Array, expected: Float32Array): boolean {
  return found.length === expected.length && found.every((value, i) => Object.is(value, expected[i]));
}
for (const dtype of ['F16', 'BF16'] as const) {
  const rounded = fromFloat32(values, [values.length], dtype);
  check(`rounding to ${dtype}`, sameFloats(toFloat32(rounded), toFloat32(stored(dtype.toLowerCase()))));
}
const withoutNative = { dtype: 'F16', shape: [values.length], bytes: roundToHalf(values, null) } as const;
check('rounding to F16 by the library', sameFloats(toFloat32(withoutNative), toFloat32(stored('f16'))));
check(
  'widening F16 by the library',
  sameFloats(widenHalf(stored('all.f16').bytes, null), toFloat32(stored('all.f16.wide'))),
);
const wide = [...rounding.keys()].filter((name) => rounding.has(`${name}.wide`));
for (const name of wide)
  check(`widening ${name}`, sameFloats(toFloat32(stored(name)), toFloat32(stored(`${name}.wide`))));
console.log(`${values.length} values rounded, ${wide.length} types widened`);

console.log(failures === 0 ? 'no differences but those on purpose' : `${failures} DIFFERENCES`);
process.exitCode = failures === 0 ? 0 : 1;
