import { compareCodePoints } from '../code-points.ts';
import { concatenate } from '../concatenate.ts';
import { CheckpointError, quoted } from '../errors.ts';
import { byteLength, safetensorsDTypes, type StoredTensor } from './dtypes.ts';
import { maxHeaderBytes, maxTensors, prefixBytes } from './header.ts';

/** How {@link serializeSafetensors} writes. */
export interface SerializeSafetensorsOptions {
  /** Texts for `__metadata__`, in this order; `{ format: 'pt' }` is what Transformers writes and asks for. Left out when undefined. */
  readonly metadata?: Readonly<Record<string, string>> | ReadonlyMap<string, string> | undefined;
}

/**
 * Writes a safetensors file, byte for byte as Python's library does: types with the largest alignment first, then by name, and a header
 * padded with blanks to 8 bytes. Throws with code `name`, `dtype`, `shape` or `too-large`.
 */
export function serializeSafetensors(
  tensors: Iterable<readonly [string, StoredTensor]>,
  options: SerializeSafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  return concatenate(safetensorsPieces(tensors, options));
}

/** The same file as a list: the length and header, then the bytes of each tensor, which are not copied. */
export function safetensorsPieces(
  tensors: Iterable<readonly [string, StoredTensor]>,
  { metadata }: SerializeSafetensorsOptions = {},
): readonly Uint8Array[] {
  const byName = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    checkTensor(name, tensor);
    if (byName.has(name))
      throw new CheckpointError('name', `serializeSafetensors: each name must stand once, got ${quoted(name)} twice`);
    byName.set(name, tensor);
  }
  if (byName.size > maxTensors)
    throw new CheckpointError('too-large', `serializeSafetensors: at most ${maxTensors} tensors, got ${byName.size}`);
  const ordered = [...byName].sort(
    ([a, left], [b, right]) => alignmentRank(right) - alignmentRank(left) || compareCodePoints(a, b),
  );
  return [header(ordered, metadata), ...ordered.map(([, tensor]) => tensor.bytes)];
}

function checkTensor(name: string, tensor: StoredTensor): void {
  const where = `serializeSafetensors: ${quoted(name)}`;
  if (name === '__metadata__') throw new CheckpointError('name', `${where}: this name is taken by the format`);
  if (!name.isWellFormed()) throw new CheckpointError('name', `${where}: a name must not have lone surrogates`);
  if (alignmentRank(tensor) < 0)
    throw new CheckpointError('dtype', `${where}: dtype must be a known one, got ${quoted(tensor.dtype)}`);
  const wanted = byteLength(tensor, where);
  if (tensor.bytes.length !== wanted) {
    throw new CheckpointError(
      'shape',
      `${where}: [${tensor.shape.join(', ')}] of ${tensor.dtype} takes ${wanted} bytes, got ${tensor.bytes.length}`,
    );
  }
}

function alignmentRank({ dtype }: StoredTensor): number {
  return safetensorsDTypes.indexOf(dtype);
}

function header(
  ordered: readonly (readonly [string, StoredTensor])[],
  metadata: SerializeSafetensorsOptions['metadata'],
): Uint8Array {
  const members: string[] = [];
  if (metadata) members.push(`"__metadata__":${metadataText(metadata)}`);
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of ordered) {
    const entry = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    offset += bytes.length;
  }
  const text = new TextEncoder().encode(`{${members.join(',')}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > maxHeaderBytes)
    throw new CheckpointError(
      'too-large',
      `serializeSafetensors: header must have at most ${maxHeaderBytes} bytes, got ${length}`,
    );
  const bytes = new Uint8Array(prefixBytes + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, prefixBytes);
  return bytes;
}

function metadataText(metadata: Readonly<Record<string, string>> | ReadonlyMap<string, string>): string {
  const entries = metadata instanceof Map ? [...metadata] : Object.entries(metadata);
  const members = entries.map(([key, value]) => {
    if (typeof value !== 'string' || !key.isWellFormed() || !value.isWellFormed()) {
      throw new CheckpointError(
        'header',
        `serializeSafetensors: metadata must hold texts, got ${quoted(String(value))} for ${quoted(key)}`,
      );
    }
    return `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  });
  return `{${members.join(',')}}`;
}
