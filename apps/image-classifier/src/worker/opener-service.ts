import { type FolderSource, isJsonObject, openFolder, readJson } from '@formers/checkpoints';

import { modelFilesIn } from '../model/model-files.ts';
import type { OpenerService } from './protocol.ts';
import { unpack } from './unpack.ts';

/** The most bytes that a model may have: what a tab can hold of it beside its weights in the engine. */
const MOST_BYTES = 2 ** 31;

/** Files are read in pieces of so many bytes, of which browsers put finished ones on disk. */
const PIECE = 2 ** 26;

/** The service of the worker that gets models: from a URL, the hub, or a zip. It is ended when it has answered, or to stop it. */
export function createOpener(): OpenerService {
  return {
    async download(location, onProgress) {
      let [finished, total] = [0, 0];
      const folder = await openFolder(hubNameIn(location) ?? location, {
        retries: 2,
        fetch: (input, init) => fetch(input, { ...init, referrerPolicy: 'no-referrer', credentials: 'omit' }),
        onProgress: ({ file, loadedBytes }) => {
          if (total > 0) onProgress({ file, loadedBytes: finished + loadedBytes, totalBytes: total });
        },
      });
      const sizes = new Map<string, number>();
      for (const name of await filesOf(folder)) sizes.set(name, await folder.size(name));
      total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
      if (total > MOST_BYTES) throw new Error(`its files have ${total} bytes; this page takes up to ${MOST_BYTES}`);
      const files = new Map<string, Blob>();
      for (const [name, size] of sizes) {
        files.set(name, await readBlob(folder, { name, size }));
        finished += size;
      }
      return files;
    },

    unzip: async (zip, onProgress) => modelFilesIn(await unpack(zip, onProgress)),
  };
}

/** The name on the hub in the address of its page there; undefined for another address. */
function hubNameIn(location: string): string | undefined {
  return /^https:\/\/(?:huggingface\.co|hf\.co)\/([\w.-]+\/[\w.-]+?)\/?(?:tree\/main\/?)?$/.exec(location)?.[1];
}

/** What is needed of a Hugging Face folder. */
async function filesOf(folder: FolderSource): Promise<string[]> {
  if (!(await folder.has('config.json'))) throw new Error(`${folder.location} has no config.json`);
  const names = ['config.json'];
  if (await folder.has('preprocessor_config.json')) names.push('preprocessor_config.json');
  if (await folder.has('model.safetensors')) return [...names, 'model.safetensors'];
  const index = 'model.safetensors.index.json';
  if (!(await folder.has(index))) throw new Error(`${folder.location} has no model.safetensors`);
  const { weight_map: shards } = await readJson(folder, index, { maxBytes: 25_000_000 });
  return [...names, index, ...new Set(Object.values(isJsonObject(shards) ? shards : {}).map(String))];
}

async function readBlob(folder: FolderSource, { name, size }: { name: string; size: number }): Promise<Blob> {
  const pieces: Blob[] = [];
  for (let begin = 0; begin < size; begin += PIECE) {
    const bytes = await folder.readRange(name, begin, Math.min(size, begin + PIECE));
    pieces.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  }
  return new Blob(pieces);
}
