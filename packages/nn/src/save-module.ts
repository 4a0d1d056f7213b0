import {
  compareNames,
  type FolderLocation,
  type FolderTarget,
  openCheckpoint,
  openFolder,
  type OpenFolderOptions,
  openTarget,
  saveCheckpoint,
} from '@formers/checkpoints';

import type { AnyModule } from './module.ts';
import { assignValues, storedValues, storeParameter } from './stored-parameter.ts';

/**
 * Writes the parameters of any module to a folder, as `model.safetensors` with their paths as names. Models that are Hugging Face's have
 * `savePretrained`.
 *
 * @param target A folder path (Node), a Map that takes the files, or where else files can be written.
 *
 * @example
 * await saveModule(model, 'checkpoints/mine');
 */
export async function saveModule(
  module: AnyModule,
  target: string | Map<string, Uint8Array> | FolderTarget,
): Promise<void> {
  const tensors = [...module.namedParameters()].map(
    async ([path, parameter]) => [path, await storeParameter(parameter)] as const,
  );
  await saveCheckpoint(openTarget(target), await Promise.all(tensors));
}

/** Options of {@link loadModule}. */
export interface LoadModuleOptions extends OpenFolderOptions {
  /** What to do about NaN or Infinity: refuse (default) or accept. */
  readonly nonFinite?: 'refuse' | 'accept' | undefined;
}

/**
 * Gives a module the parameters that {@link saveModule} wrote. Make the module as it was made then; its first values are overwritten.
 *
 * @param location A folder path (Node), a URL, or a Map of files.
 * @throws {@link CheckpointError} `mismatch` listing every missing, unexpected and mis-shaped parameter at once, `value` for NaN; nothing is
 * overwritten then.
 *
 * @example
 * await loadModule(model, 'checkpoints/mine');
 */
export async function loadModule(
  module: AnyModule,
  location: FolderLocation,
  options: LoadModuleOptions = {},
): Promise<void> {
  const folder = await openFolder(location, options);
  const checkpoint = await openCheckpoint(folder, options);
  const parameters = module.namedParameters();
  compareNames(new Map([...parameters].map(([path, { shape }]) => [path, shape])), checkpoint, {
    where: `${folder.location}: the checkpoint`,
  });
  const values = new Map<string, Float32Array>();
  for await (const [name, stored] of checkpoint.readAll())
    values.set(name, storedValues(stored, { name, nonFinite: options.nonFinite }));
  for (const [path, parameter] of parameters) assignValues(parameter, values.get(path) as Float32Array);
}
