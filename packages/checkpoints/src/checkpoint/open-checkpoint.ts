import { CheckpointError, quoted } from '../errors.ts';
import { checkShardName } from '../folders/file-names.ts';
import type { FolderSource, ReadOptions } from '../folders/folder-source.ts';
import type { StoredTensor, TensorInfo } from '../safetensors/dtypes.ts';
import type { SafetensorsHeader } from '../safetensors/header.ts';
import { readShardIndex } from './shard-index.ts';
import { readHeader, type TensorPlace, TensorReader } from './tensor-file.ts';

/** The tensors of a folder, of which only the headers have been read. */
export interface Checkpoint {
  /** Names of all tensors, in file order. */
  readonly names: readonly string[];
  /** The safetensors files, in the order of the index. */
  readonly files: readonly string[];
  /** The texts of `__metadata__`, of all files together. */
  readonly metadata: ReadonlyMap<string, string>;
  has(name: string): boolean;
  /** Element type and shape; throws with code `missing-tensor`. */
  info(name: string): TensorInfo;
  /** Reads one tensor into bytes of its own; throws with code `missing-tensor`. Small neighbours come in one request when read in file order. */
  read(name: string, options?: ReadOptions): Promise<StoredTensor>;
  /** Reads all tensors in file order. What this package holds in memory stays near the largest tensor. */
  readAll(options?: ReadOptions): AsyncIterable<[string, StoredTensor]>;
}

/** How {@link openCheckpoint} opens. */
export interface OpenCheckpointOptions {
  /** File of the tensors when there is one; `model.safetensors` unless told. The index of shards is this name with `.index.json`. */
  readonly fileName?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the checkpoint of a folder: one safetensors file, or else shards with their index. Reads and checks all headers; index and shards must
 * agree on every tensor. Throws with code `missing-file`, `index`, `path`, `too-large`, or those of {@link parseSafetensors}.
 *
 * ```ts
 * const checkpoint = await openCheckpoint(await openFolder('models/tiny'));
 * for await (const [name, tensor] of checkpoint.readAll()) console.log(name, tensor.shape, toFloat32(tensor));
 * ```
 */
export async function openCheckpoint(folder: FolderSource, options: OpenCheckpointOptions = {}): Promise<Checkpoint> {
  const { fileName = 'model.safetensors', signal } = options;
  checkShardName(fileName);
  if (await folder.has(fileName, { signal }))
    return checkpointOf(folder, new Map([[fileName, await readHeader(folder, fileName, { signal })]]));
  const indexName = `${fileName}.index.json`;
  if (await folder.has(indexName, { signal }))
    return checkpointOf(folder, await readShards(folder, indexName, { signal }));
  throw new CheckpointError(
    'missing-file',
    `${folder.location}: has neither ${fileName} nor ${indexName}${await hintOf(folder)}`,
  );
}

async function readShards(
  folder: FolderSource,
  indexName: string,
  options: ReadOptions,
): Promise<Map<string, SafetensorsHeader>> {
  const headers = new Map<string, SafetensorsHeader>();
  for (const [shard, listed] of await readShardIndex(folder, indexName, options)) {
    const header = await readHeader(folder, shard, options);
    checkAgreement(header, { listed, where: `${folder.location}: ${indexName} and ${shard}` });
    headers.set(shard, header);
  }
  return headers;
}

/** A shard holds exactly the tensors that the index says. Since the index names one shard for each, no tensor can be in two. */
function checkAgreement(
  { entries }: SafetensorsHeader,
  { listed, where }: { listed: ReadonlySet<string>; where: string },
): void {
  for (const { name } of entries)
    if (!listed.has(name))
      throw new CheckpointError('index', `${where}: the index does not place ${quoted(name)} here`);
  if (entries.length === listed.size) return;
  const stored = new Set(entries.map(({ name }) => name));
  const lacking = [...listed].filter((name) => !stored.has(name));
  throw new CheckpointError('index', `${where}: the shard lacks ${lacking.slice(0, 10).map(quoted).join(', ')}`);
}

function checkpointOf(folder: FolderSource, headers: ReadonlyMap<string, SafetensorsHeader>): Checkpoint {
  const places = new Map<string, TensorPlace>();
  for (const [file, { entries }] of headers) for (const entry of entries) places.set(entry.name, { ...entry, file });
  const reader = new TensorReader(folder, places.values());
  const placeOf = (name: string): TensorPlace => {
    const place = places.get(name);
    if (!place) throw new CheckpointError('missing-tensor', `${folder.location}: has no tensor ${quoted(name)}`);
    return place;
  };
  return {
    names: [...places.keys()],
    files: [...headers.keys()],
    metadata: new Map([...headers.values()].flatMap(({ metadata }) => [...metadata])),
    has: (name) => places.has(name),
    info: (name) => {
      const { dtype, shape } = placeOf(name);
      return { dtype, shape };
    },
    read: async (name, options = {}) => reader.read(placeOf(name), options),
    readAll: async function* (options = {}) {
      for (const [name, place] of places) yield [name, await reader.read(place, options)];
    },
  };
}

/** A word on files that are there but are never read, because reading them can run code. */
async function hintOf(folder: FolderSource): Promise<string> {
  const hasPickle = await folder.has('pytorch_model.bin').catch(() => false);
  return hasPickle ? '; pytorch_model.bin is not read, convert it to safetensors' : '';
}
