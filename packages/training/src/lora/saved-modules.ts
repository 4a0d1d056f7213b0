import { ConfigError } from '@formers/backend';
import { storedNames } from '@formers/nn';

import { SavedParameter } from './saved-parameter.ts';
import { type AdaptableModel, endsWithName } from './targets.ts';

/**
 * The parameters of modules by the ends of their paths or of Hugging Face's names.
 *
 * @throws {@link ConfigError} for words that mean nothing here.
 */
export function findSaved(model: AdaptableModel, words: readonly string[]): SavedParameter[] {
  if (words.length === 0) return [];
  const parameters = model.namedParameters();
  const names = model.format ? storedNames(parameters.keys(), model.format.names) : undefined;
  const isMeant = (path: string, name: string, ends: readonly string[]): boolean =>
    endsWithName(moduleOf(path), ends) || endsWithName(moduleOf(name), ends);
  const known = [...parameters].map(([path, variable]) => {
    const { name = path, transpose: isTransposed = false } = names?.get(path) ?? {};
    return { path, name, isTransposed, variable };
  });
  for (const word of words)
    if (!known.some(({ path, name }) => isMeant(path, name, [word])))
      throw new ConfigError(`LoRA: modulesToSave: no module of the model is called "${word}"`);
  return known.filter(({ path, name }) => isMeant(path, name, words)).map((found) => new SavedParameter(found));
}

/** The modules of a model that a file has whole; PEFT's list of them also has names that only other models have. */
export function savedModules(model: AdaptableModel, tensorNames: ReadonlySet<string>): string[] {
  const paths = [...model.namedParameters().keys()];
  const known = model.format ? [...storedNames(paths, model.format.names).values()].map(({ name }) => name) : paths;
  return known.filter((name) => tensorNames.has(name)).map(moduleOf);
}

/** Each module once. */
export function moduleNamesOf(saved: readonly SavedParameter[]): string[] {
  return [...new Set(saved.map(({ name }) => moduleOf(name)))];
}

/** The name of a parameter without its last word. */
function moduleOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}
