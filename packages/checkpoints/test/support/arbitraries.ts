import fc from 'fast-check';

import { type SafetensorsDType, safetensorsDTypes, type StoredTensor } from '../../src/index.ts';
import { byteLength } from '../../src/safetensors/dtypes.ts';

/** Names that go wrong easily, and any others. */
export const tensorName: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(
      '__proto__',
      'constructor',
      'toString',
      '',
      'é',
      '😀',
      'ﬀ',
      '"',
      '\\',
      '\n',
      '\u2028',
      'h.0.weight',
      'h.10.weight',
      'h.2.weight',
      '../a',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
  )
  .filter((name) => name !== '__metadata__' && name.isWellFormed());

const dtype: fc.Arbitrary<SafetensorsDType> = fc.constantFrom(...safetensorsDTypes);

/** A tensor of any type, small, also empty or without axes. */
export const storedTensor: fc.Arbitrary<StoredTensor> = fc
  .record({ dtype, shape: fc.array(fc.constantFrom(0, 1, 2, 3, 4, 8), { maxLength: 4 }) })
  .map(({ dtype: type, shape }) => ({ dtype: type, shape: isWhole(type, shape) ? shape : [...shape, 8] }))
  .chain((info) =>
    fc
      .uint8Array({ minLength: byteLength(info, ''), maxLength: byteLength(info, '') })
      .map((bytes) => ({ ...info, bytes })),
  );

/** Some tensors with different names. */
export const tensorList: fc.Arbitrary<[string, StoredTensor][]> = fc.uniqueArray(fc.tuple(tensorName, storedTensor), {
  maxLength: 6,
  selector: ([name]) => name,
});

/** Texts for `__metadata__`, or none. */
export const metadataTexts: fc.Arbitrary<ReadonlyMap<string, string> | undefined> = fc.option(
  fc
    .uniqueArray(fc.tuple(tensorName, tensorName), { maxLength: 3, selector: ([key]) => key })
    .map((pairs) => new Map(pairs)),
  { nil: undefined },
);

function isWhole(type: SafetensorsDType, shape: readonly number[]): boolean {
  try {
    byteLength({ dtype: type, shape }, '');
    return true;
  } catch {
    return false;
  }
}
