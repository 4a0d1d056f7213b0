import { concatenate } from '../concatenate.ts';
import type { FolderSource, ReadOptions } from '../folders/folder-source.ts';
import type { StoredTensor } from '../safetensors/dtypes.ts';
import {
  parseHeader,
  prefixBytes,
  readHeaderLength,
  type SafetensorsHeader,
  type TensorEntry,
} from '../safetensors/header.ts';

/** The first read of a file asks for this much; most headers fit. */
const startBytes = 65_536;

/** Neighbouring tensors are read together up to this size; larger ones alone. */
const blockBytes = 8 << 20;

/** Blocks that are kept, for models that ask in another order than that of the file. */
const keptBlocks = 4;

/** Where a tensor lies: in which file, and where there. */
export interface TensorPlace extends TensorEntry {
  readonly file: string;
}

/** Reads and checks the header of a safetensors file, without its tensors. */
export async function readHeader(folder: FolderSource, file: string, options: ReadOptions): Promise<SafetensorsHeader> {
  const where = `${folder.location}: ${file}`;
  const fileSize = await folder.size(file, options);
  const start = await folder.readRange(file, 0, Math.min(fileSize, startBytes), options);
  const headerEnd = prefixBytes + readHeaderLength(start, { fileSize, where });
  const rest = headerEnd > start.length ? [await folder.readRange(file, start.length, headerEnd, options)] : [];
  return parseHeader(concatenate([start, ...rest]).subarray(prefixBytes, headerEnd), { fileSize, where });
}

/** Reads the tensors of a checkpoint, small neighbours together; the last few blocks are kept, so that each is asked for about once. */
export class TensorReader {
  readonly #folder: FolderSource;
  readonly #blocks: ReadonlyMap<TensorPlace, Block>;
  readonly #kept = new Map<Block, Promise<Uint8Array>>();

  /** Of each file the places must be in file order. */
  constructor(folder: FolderSource, places: Iterable<TensorPlace>) {
    this.#folder = folder;
    this.#blocks = blocksOf(places);
  }

  async read(place: TensorPlace, options: ReadOptions): Promise<StoredTensor> {
    const { dtype, shape } = place;
    const block = this.#blocks.get(place);
    if (!block || place.end - place.begin > blockBytes) {
      return { dtype, shape, bytes: await this.#folder.readRange(place.file, place.begin, place.end, options) };
    }
    options.signal?.throwIfAborted();
    const bytes = await this.#readBlock(block, options);
    const [begin, end] = [place.begin - block.begin, place.end - block.begin];
    return { dtype, shape, bytes: new Uint8Array(bytes.subarray(begin, end)) };
  }

  async #readBlock(block: Block, options: ReadOptions): Promise<Uint8Array> {
    const bytes = this.#kept.get(block) ?? this.#folder.readRange(block.file, block.begin, block.end, options);
    this.#kept.delete(block);
    this.#kept.set(block, bytes); // now the youngest
    const [oldest] = this.#kept.keys();
    if (oldest && this.#kept.size > keptBlocks) this.#kept.delete(oldest);
    try {
      return await bytes;
    } catch (error) {
      this.#kept.delete(block);
      throw error;
    }
  }
}

interface Block {
  readonly file: string;
  readonly begin: number;
  end: number;
}

function blocksOf(places: Iterable<TensorPlace>): Map<TensorPlace, Block> {
  const blocks = new Map<TensorPlace, Block>();
  let block: Block | undefined;
  for (const place of places) {
    const fits = block && block.file === place.file && place.end - block.begin <= blockBytes;
    if (block && fits) block.end = place.end;
    else block = { file: place.file, begin: place.begin, end: place.end };
    blocks.set(place, block);
  }
  return blocks;
}
