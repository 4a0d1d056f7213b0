import { ConfigError } from '@formers/backend';

import type { PeftConfig } from './peft-config.ts';
import { SavedParameter } from './saved-parameter.ts';
import { type AdaptableModel, endsWithName, type ModuleNames, namesOf } from './targets.ts';

/**
 * The parameters of modules by the ends of their paths or of Hugging Face's names.
 *
 * @throws {@link ConfigError} for words that mean nothing here.
 */
export function findSaved(
  model: AdaptableModel,
  words: readonly string[],
  { moduleNames }: { moduleNames: ModuleNames },
): SavedParameter[] {
  if (words.length === 0) return [];
  const parameters = model.namedParameters();
  const names = namesOf(model, moduleNames);
  const isMeant = (path: string, name: string, ends: readonly string[]): boolean =>
    endsWithName(moduleOf(path), ends) || endsWithName(moduleOf(name), ends);
  const known = [...parameters].map(([path, variable]) => {
    const { name = path, transpose: isTransposed = false } = names.get(path) ?? {};
    return { path, name, isTransposed, variable };
  });
  for (const word of words)
    if (!known.some(({ path, name }) => isMeant(path, name, [word])))
      throw new ConfigError(`LoRA: modulesToSave: no module of the model is called "${word}"`);
  return known.filter(({ path, name }) => isMeant(path, name, words)).map((found) => new SavedParameter(found));
}

/** The modules of a model that a file has whole, not just their biases where these are trained anyway; PEFT's list of them also has names that only other models have. */
export function savedModules(
  model: AdaptableModel,
  {
    tensorNames,
    moduleNames,
    bias,
  }: { tensorNames: ReadonlySet<string>; moduleNames: ModuleNames; bias: PeftConfig['bias'] },
): string[] {
  const names = namesOf(model, moduleNames);
  const known = [...model.namedParameters().keys()].map((path) => names.get(path)?.name ?? path);
  return known.filter((name) => tensorNames.has(name) && !(bias !== 'none' && name.endsWith('.bias'))).map(moduleOf);
}

/** Each module once. */
export function moduleNamesOf(saved: readonly SavedParameter[]): string[] {
  return [...new Set(saved.map(({ name }) => moduleOf(name)))];
}

/** The name of a parameter without its last word. */
function moduleOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')));
}
