import type { StoredTensor } from './dtypes.ts';
import { parseHeader, prefixBytes, readHeaderLength } from './header.ts';

/** What a safetensors file holds; the tensors in file order. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads a whole safetensors file. The tensors are views of `bytes`, without copies, and may begin at any byte: use {@link toFloat32}
 * rather than a typed array over them. Throws with code `header`, `dtype`, `shape`, `offsets` or `too-large` and then has read nothing.
 *
 * ```ts
 * const { tensors } = parseSafetensors(await readFile('model.safetensors'));
 * const weight = toFloat32(tensors.get('wte.weight')!);
 * ```
 */
export function parseSafetensors(
  bytes: Uint8Array,
  { where = 'parseSafetensors' }: { where?: string } = {},
): SafetensorsFile {
  const fileSize = bytes.length;
  const headerEnd = prefixBytes + readHeaderLength(bytes, { fileSize, where });
  const { entries, metadata } = parseHeader(bytes.subarray(prefixBytes, headerEnd), { fileSize, where });
  const tensors = new Map(
    entries.map(({ name, dtype, shape, begin, end }) => [name, { dtype, shape, bytes: bytes.subarray(begin, end) }]),
  );
  return { tensors, metadata };
}
