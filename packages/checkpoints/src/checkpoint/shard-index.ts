import { CheckpointError, quoted } from '../errors.ts';
import { checkShardName } from '../folders/file-names.ts';
import type { FolderSource } from '../folders/folder-source.ts';
import { isJsonObject } from '../json/parse-json.ts';
import { readJson } from '../json/read-json.ts';

/** Largest index file, in bytes; the largest published ones have 23.5 MB. */
const maxIndexBytes = 25_000_000;

/** Most shards of one checkpoint. */
const maxShards = 1_000;

/** For each shard, the tensors that the index says it holds. */
export type ShardIndex = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * Reads an index of shards, such as `model.safetensors.index.json`. Only `weight_map` counts: `metadata.total_size` is informative.
 * Throws with code `index` or `json` on another form, `path` on a shard name that is no plain name of a safetensors file, `too-large`.
 */
export async function readShardIndex(
  folder: FolderSource,
  name: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<ShardIndex> {
  const { weight_map: weightMap } = await readJson(folder, name, { maxBytes: maxIndexBytes, signal });
  const where = `${folder.location}: ${name}`;
  if (!isJsonObject(weightMap)) throw new CheckpointError('index', `${where}: weight_map must be an object`);
  const shards = new Map<string, Set<string>>();
  for (const [tensor, shard] of Object.entries(weightMap)) {
    if (typeof shard !== 'string')
      throw new CheckpointError('index', `${where}: the shard of ${quoted(tensor)} must be a file name`);
    const tensors = shards.get(shard);
    if (tensors) tensors.add(tensor);
    else shards.set(shard, new Set([tensor]));
  }
  checkShardNames([...shards.keys()], where);
  return shards;
}

function checkShardNames(names: readonly string[], where: string): void {
  if (names.length === 0) throw new CheckpointError('index', `${where}: weight_map must name a shard`);
  if (names.length > maxShards)
    throw new CheckpointError('too-large', `${where}: must have at most ${maxShards} shards, got ${names.length}`);
  for (const name of names) checkShardName(name);
  const distinct = new Set(names.map((name) => name.toLowerCase()));
  if (distinct.size < names.length)
    throw new CheckpointError('index', `${where}: shard names must differ by more than case`);
}
