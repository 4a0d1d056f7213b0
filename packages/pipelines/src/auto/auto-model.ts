import { ConfigError } from '@formers/backend';
import type { FolderLocation } from '@formers/checkpoints';
import type { PretrainedOptions } from '@formers/nn';

import { type ModelFolder, openModelFolder } from './model-folder.ts';

/** Opens models of many architectures: config.json tells which. */
export interface AutoModelClass<Model> {
  /** The values of `model_type` that are known. */
  readonly modelTypes: readonly string[];
  /**
   * Opens a Hugging Face folder: a path, a URL, a hub name, or files in memory. The code of an architecture is loaded when a folder asks for it.
   *
   * @throws `ConfigError` naming what is known, for another `model_type`; a `CheckpointError` for files that are missing or don't fit.
   */
  fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<Model>;
}

/** A class of one architecture, or how it opens a folder. */
export interface ModelClass<Model> {
  fromPretrained(location: FolderLocation, options?: PretrainedOptions): Promise<Model>;
}

/** Loads the code of an architecture by `model_type`. */
export type ModelClasses<Model> = Readonly<Record<string, (folder: ModelFolder) => Promise<ModelClass<Model>>>>;

/** An {@link AutoModelClass} out of the classes that it chooses from. */
export function autoModel<Model>(name: string, classes: ModelClasses<Model>): AutoModelClass<Model> {
  return {
    modelTypes: Object.keys(classes),
    fromPretrained: async (location, options = {}) => {
      const opened = await openModelFolder(location, { options, where: name });
      const load = knownType(opened, { name, types: classes });
      const modelClass = await load(opened);
      return modelClass.fromPretrained(opened.folder, options);
    },
  };
}

/** The entry of a folder's `model_type`. @throws {@link ConfigError} listing the known ones. */
export function knownType<Entry>(
  { modelType, folder }: ModelFolder,
  { name, types }: { name: string; types: Readonly<Record<string, Entry>> },
): Entry {
  const entry = Object.hasOwn(types, modelType) ? types[modelType] : undefined;
  if (entry !== undefined) return entry;
  throw new ConfigError(
    `${name}: ${folder.location}: model_type must be one of ${Object.keys(types).toSorted().join(', ')}, got ${JSON.stringify(modelType)}`,
  );
}
