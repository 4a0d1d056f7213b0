import { CheckpointError } from '../errors.ts';
import { checkShardName } from '../folders/file-names.ts';
import type { FolderTarget } from '../folders/folder-target.ts';
import { type JsonLike, serializeJson } from '../json/serialize-json.ts';
import { elementCount, type StoredTensor } from '../safetensors/dtypes.ts';
import { safetensorsPieces, type SerializeSafetensorsOptions } from '../safetensors/serialize-safetensors.ts';

/** How {@link saveCheckpoint} writes. */
export interface SaveCheckpointOptions {
  /** Tensors that take more than this go to several files; 50e9 unless told, as in Transformers. */
  readonly maxShardBytes?: number;
  /** Texts for `__metadata__`; `{ format: 'pt' }` unless told, which Transformers asks for. null = none. */
  readonly metadata?: SerializeSafetensorsOptions['metadata'] | null;
  /** Name of the file; `model.safetensors` unless told. Shards get `-00001-of-00005` before the ending, and an index beside. */
  readonly fileName?: string;
}

type Named = readonly [string, StoredTensor];

/**
 * Writes tensors as Transformers' `save_pretrained` does, byte for byte: one safetensors file, or shards with an index, split in the order given.
 * The index is written last; then shards and files of an earlier save that the new one does not replace are removed. Returns the names written.
 * Throws with code `name`, `dtype`, `shape`, `too-large`, `write`.
 */
export async function saveCheckpoint(
  target: FolderTarget,
  tensors: Iterable<Named> | AsyncIterable<Named>,
  options: SaveCheckpointOptions = {},
): Promise<string[]> {
  const { maxShardBytes = 50e9, metadata = { format: 'pt' }, fileName = 'model.safetensors' } = options;
  checkShardName(fileName);
  if (!(maxShardBytes > 0))
    throw new CheckpointError('value', `saveCheckpoint: maxShardBytes must be above 0, got ${maxShardBytes}`);
  const all: Named[] = [];
  for await (const tensor of tensors) all.push(tensor);
  safetensorsPieces(all); // checks all tensors before anything is written

  const shards = splitIntoShards(all, maxShardBytes);
  const files = shards.map((shard, i) => ({
    name: shards.length === 1 ? fileName : shardName(fileName, i + 1, shards.length),
    shard,
  }));
  for (const { name, shard } of files)
    await target.write(name, safetensorsPieces(shard, { metadata: metadata ?? undefined }));
  const written = files.map(({ name }) => name);
  if (files.length > 1) {
    const indexName = `${fileName}.index.json`;
    await target.write(indexName, serializeJson(shardIndex(files)));
    written.push(indexName);
  }
  await removeOthers(target, { fileName, written });
  return written;
}

/**
 * Fills one shard after the other; a tensor above the limit gets a shard of its own at once, before the one being filled
 * (`split_state_dict_into_shards_factory` of huggingface_hub).
 */
function splitIntoShards(tensors: readonly Named[], maxShardBytes: number): Named[][] {
  const shards: Named[][] = [];
  let current: Named[] = [];
  let currentBytes = 0;
  for (const named of tensors) {
    const { length } = named[1].bytes;
    if (length > maxShardBytes) {
      shards.push([named]);
      continue;
    }
    if (currentBytes + length > maxShardBytes) {
      shards.push(current);
      current = [];
      currentBytes = 0;
    }
    current.push(named);
    currentBytes += length;
  }
  if (current.length > 0 || shards.length === 0) shards.push(current);
  return shards;
}

function shardName(fileName: string, number: number, count: number): string {
  const digits = (value: number): string => String(value).padStart(5, '0');
  return fileName.replace(/\.safetensors$/, `-${digits(number)}-of-${digits(count)}.safetensors`);
}

function shardIndex(files: readonly { name: string; shard: readonly Named[] }[]): JsonLike {
  const all = files.flatMap(({ shard }) => shard);
  return {
    metadata: {
      total_parameters: all.reduce((sum, [name, { shape }]) => sum + elementCount(shape, name), 0),
      total_size: all.reduce((sum, [, { bytes }]) => sum + bytes.length, 0),
    },
    weight_map: Object.fromEntries(files.flatMap(({ name, shard }) => shard.map(([tensor]) => [tensor, name]))),
  };
}

/** Removes what an earlier save left under this name: a loader would take a single file before the new shards. */
async function removeOthers(
  target: FolderTarget,
  { fileName, written }: { fileName: string; written: readonly string[] },
): Promise<void> {
  if (!target.list || !target.remove) return;
  const stem = fileName.replace(/\.safetensors$/, '');
  for (const name of await target.list()) {
    const rest = name.startsWith(stem) ? name.slice(stem.length) : '';
    if (/^(?:-\d{5}-of-\d{5})?\.safetensors(?:\.index\.json)?$/.test(rest) && !written.includes(name))
      await target.remove(name);
  }
}
