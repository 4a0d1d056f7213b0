/** An entry of a header, correct or not. */
export type Entry = Record<string, unknown>;

/** A safetensors file out of any header text and any data; nothing is checked. */
export function rawFile(
  header: string | Uint8Array,
  { data = new Uint8Array(), length }: { data?: Uint8Array; length?: bigint } = {},
): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** A header of entries. */
export function headerOf(entries: Record<string, Entry>): string {
  return JSON.stringify(entries);
}

/** A correct entry of `count` bytes from `begin` on. */
export function entry(begin: number, count: number): Entry {
  return { dtype: 'U8', shape: [count], data_offsets: [begin, begin + count] };
}

/** The bytes 1, 2, 3, ... */
export function counting(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => i + 1);
}
