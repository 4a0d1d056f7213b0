import { ConfigError } from '@formers/backend';
import { openCheckpoint, openFolder } from '@formers/checkpoints';
import type { StoredName } from '@formers/nn';

import type { Trainable } from '../optimizers/optimizer-options.ts';
import { assignStored } from '../stored-variable.ts';

/** A model that knows where its parameters lie in its folders. */
type KnowsFiles = Trainable & { fileNames(): ReadonlyMap<string, StoredName> };

/** Gives a model, as it is, the weights that it once saved. */
export async function restoreWeights(model: KnowsFiles, folder: string): Promise<void> {
  const checkpoint = await openCheckpoint(await openFolder(folder));
  const names = model.fileNames();
  for (const [path, variable] of model.namedParameters()) {
    const { name, transpose: isTransposed } = names.get(path) as StoredName;
    assignStored(variable, await checkpoint.read(name), { isTransposed });
  }
}

/** @throws {@link ConfigError} for a model that has no `fileNames`. */
export function checkRestorable(model: Trainable): KnowsFiles {
  if ('fileNames' in model) return model as KnowsFiles;
  throw new ConfigError('Trainer: loadBestAtEnd needs the option restore, unless the model is a PretrainedModel');
}
