import { CheckpointError, type CheckpointErrorCode, quoted } from '../errors.ts';
import { decodeUtf8, isNumberStart, JsonScanner } from '../json/json-scanner.ts';
import { byteLength, isSafetensorsDType, type SafetensorsDType, type TensorInfo } from './dtypes.ts';

/** Longest header that is read or written, in bytes; the same as in Python's library. */
export const maxHeaderBytes = 100_000_000;

/** Most tensors that one file may have (the largest published models have some 100,000 in all). */
export const maxTensors = 1_000_000;

/** Most axes of a tensor; NumPy stops there too. */
const maxRank = 64;

/** Most texts in `__metadata__`. */
const maxMetadata = 10_000;

/** Bytes of the length that stands before the header. */
export const prefixBytes = 8;

/** A tensor and the place of its bytes in the file. */
export interface TensorEntry extends TensorInfo {
  readonly name: string;
  readonly begin: number;
  readonly end: number;
}

/** A checked header: the entries lie in file order, without holes or overlaps, up to the end of the file. */
export interface SafetensorsHeader {
  readonly entries: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Length of the header in bytes, from the first bytes of a file of `fileSize` bytes. */
export function readHeaderLength(start: Uint8Array, { fileSize, where }: { fileSize: number; where: string }): number {
  if (start.length < prefixBytes)
    throw new CheckpointError('header', `${where}: must have at least 8 bytes, got ${fileSize}`);
  const length = new DataView(start.buffer, start.byteOffset, prefixBytes).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes))
    throw new CheckpointError('header', `${where}: header must have at most ${maxHeaderBytes} bytes, got ${length}`);
  if (Number(length) > fileSize - prefixBytes) {
    throw new CheckpointError(
      'header',
      `${where}: header of ${length} bytes must fit into the file of ${fileSize} bytes`,
    );
  }
  return Number(length);
}

/** Reads and checks the JSON header of a file of `fileSize` bytes (see https://huggingface.co/docs/safetensors). */
export function parseHeader(
  header: Uint8Array,
  { fileSize, where }: { fileSize: number; where: string },
): SafetensorsHeader {
  const scanner = new JsonScanner(decodeUtf8(header, { where, code: 'header' }), { where, code: 'header' });
  const dataBegin = prefixBytes + header.length;
  const entries: TensorEntry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  scanner.object((name) => {
    if (name === '__metadata__') metadata = readMetadata(scanner, where);
    else if (entries.length === maxTensors)
      throw new CheckpointError('too-large', `${where}: must have at most ${maxTensors} tensors`);
    else entries.push(new EntryReader(scanner, { name, where }).read(dataBegin));
  });
  scanner.end();
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, { dataBegin, fileSize, where });
  return { entries, metadata };
}

function readMetadata(scanner: JsonScanner, where: string): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  if (scanner.peek() === 'n') {
    scanner.literal(); // Python's library takes null for none
    return metadata;
  }
  scanner.object((key) => {
    metadata.set(key, scanner.string());
    if (metadata.size > maxMetadata)
      throw new CheckpointError('too-large', `${where}: __metadata__ must have at most ${maxMetadata} texts`);
  });
  return metadata;
}

/** Reads what stands at a tensor's name. */
class EntryReader {
  readonly #scanner: JsonScanner;
  readonly #name: string;
  readonly #where: string;

  constructor(scanner: JsonScanner, { name, where }: { name: string; where: string }) {
    this.#scanner = scanner;
    this.#name = name;
    this.#where = where;
  }

  read(dataBegin: number): TensorEntry {
    let dtype: SafetensorsDType | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.#scanner.object((key) => {
      if (key === 'dtype') dtype = this.#dtype();
      else if (key === 'shape') shape = this.#integers('shape', { what: 'shape', most: maxRank });
      else if (key === 'data_offsets') offsets = this.#integers('offsets', { what: 'data_offsets', most: 2 });
      else this.#scanner.skip();
    });
    if (!dtype) return this.#fail('dtype', 'must have a dtype');
    if (!shape) return this.#fail('shape', 'must have a shape');
    if (!offsets) return this.#fail('offsets', 'must have data_offsets');
    const [begin, end] = offsets;
    if (begin === undefined || end === undefined)
      return this.#fail('offsets', `data_offsets must be [begin, end], got [${offsets.join(', ')}]`);
    return { name: this.#name, dtype, shape, begin: dataBegin + begin, end: dataBegin + end };
  }

  #dtype(): SafetensorsDType {
    const first = this.#scanner.peek();
    const text = first === '"' ? this.#scanner.string() : first;
    return isSafetensorsDType(text) ? text : this.#fail('dtype', `dtype must be a known one, got ${quoted(text)}`);
  }

  /** Whole numbers, spelled without sign, fraction or exponent, that a double holds exactly. */
  #integers(code: 'shape' | 'offsets', { what, most }: { what: string; most: number }): number[] {
    if (this.#scanner.peek() !== '[') this.#fail(code, `${what} must be an array`);
    const values: number[] = [];
    this.#scanner.array(() => {
      const first = this.#scanner.peek();
      const text = isNumberStart(first) ? this.#scanner.numberText() : first;
      const value = /^[0-9]+$/.test(text) ? Number(text) : NaN;
      if (!Number.isSafeInteger(value))
        this.#fail(code, `${what} must hold whole numbers from 0 to 2^53 - 1, got ${quoted(text)}`);
      if (values.push(value) > most) this.#fail(code, `${what} must hold at most ${most} numbers`);
    });
    return values;
  }

  #fail(code: CheckpointErrorCode, message: string): never {
    throw new CheckpointError(code, `${this.#where}: ${quoted(this.#name)}: ${message}`);
  }
}

/** Each tensor begins where the one before ends, takes the bytes that its shape asks for, and the last ends with the file. */
function checkCoverage(
  entries: readonly TensorEntry[],
  place: { dataBegin: number; fileSize: number; where: string },
): void {
  let end = place.dataBegin;
  for (const entry of entries) {
    const where = `${place.where}: ${quoted(entry.name)}`;
    if (entry.begin !== end || entry.end < entry.begin) {
      const got = `[${entry.begin - place.dataBegin}, ${entry.end - place.dataBegin}]`;
      throw new CheckpointError(
        'offsets',
        `${where}: data_offsets must begin at ${end - place.dataBegin} and not end before, got ${got}`,
      );
    }
    const wanted = byteLength(entry, where);
    if (entry.end - entry.begin !== wanted) {
      const got = `${entry.end - entry.begin} bytes`;
      throw new CheckpointError(
        'shape',
        `${where}: [${entry.shape.join(', ')}] of ${entry.dtype} takes ${wanted} bytes, got ${got}`,
      );
    }
    end = entry.end;
  }
  if (end !== place.fileSize)
    throw new CheckpointError(
      'offsets',
      `${place.where}: tensors must end with the file at ${place.fileSize}, end at ${end}`,
    );
}
