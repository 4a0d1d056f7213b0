import type { FolderSource } from '../folders/folder-source.ts';
import { parseJsonObject, type JsonObject } from './parse-json.ts';

/** Reads a JSON file that holds one object; see {@link parseJsonObject}. Also throws with code `missing-file`. */
export async function readJson(
  folder: FolderSource,
  name: string,
  { maxBytes = 64_000_000, signal }: { maxBytes?: number; signal?: AbortSignal | undefined } = {},
): Promise<JsonObject> {
  return parseJsonObject(await folder.read(name, { maxBytes, signal }), {
    where: `${folder.location}: ${name}`,
    maxBytes,
  });
}
