import { ConfigError } from '@formers/backend';
import { type AnyModule, Linear, type NameRow, type StoredName, storedNames } from '@formers/nn';

/** A model whose linear maps can be adapted; names of checkpoints come from its `format`, where it has one. */
export type AdaptableModel = AnyModule & {
  readonly format?: {
    readonly names: readonly NameRow[];
    readonly architecture: string;
    readonly classNames?: readonly (readonly [inCheckpoint: string, inClass: string])[];
  };
};

/** Whose names of modules an adapter's files have: those of checkpoints, or those of Hugging Face's classes in memory, which are others for ViTs since transformers 5. */
export type ModuleNames = 'checkpoint' | 'class';

/** The names of all parameters by their paths; none for a model without format. */
export function namesOf(model: AdaptableModel, moduleNames: ModuleNames): ReadonlyMap<string, StoredName> {
  const { format } = model;
  if (!format) return new Map();
  const renames = moduleNames === 'class' ? (format.classNames ?? []) : [];
  const rename = (name: string): string => renames.reduce((text, [from, to]) => text.replace(from, to), name);
  const stored = storedNames(model.namedParameters().keys(), format.names);
  return new Map([...stored].map(([path, own]) => [path, { ...own, name: rename(own.name) }]));
}

/** A linear map of a model. */
export interface Target {
  /** Our path, such as `decoder.layers.0.attention.output`. */
  readonly path: string;
  /** The module that it is for Hugging Face, such as `transformer.h.0.attn.c_proj`; the path where there is none. */
  readonly name: string;
  /** The module that PEFT's files give its factors to; mostly the name. */
  readonly fileName: string;
  readonly linear: Linear;
  /** Whether Hugging Face stores it as [inDim, outDim] (Conv1D). */
  readonly isTransposed: boolean;
}

/** All linear maps of a model, in order. */
export function linearMaps(model: AdaptableModel, moduleNames: ModuleNames = 'class'): Target[] {
  const stored = namesOf(model, moduleNames);
  const weights = new Set([...stored.values()].map(({ name }) => name));
  return [...model.namedModules()].flatMap(([path, module]) => {
    if (!(module instanceof Linear)) return [];
    const { name, transpose: isTransposed } = stored.get(`${path}.weight`) ?? { name: path, transpose: false };
    return [{ path, ...moduleOfWeight(name, weights), linear: module, isTransposed }];
  });
}

/**
 * The module that has a weight, and its name in PEFT's files. `torch.nn.MultiheadAttention` is one module with two maps that PEFT adapts together: the factors
 * of `in_proj_weight` are the module's own, those of `out_proj` belong to what it wraps.
 */
function moduleOfWeight(weight: string, weights: ReadonlySet<string>): { name: string; fileName: string } {
  const [, attention, map] = /^(.*)\.(in_proj_weight|out_proj\.weight)$/.exec(weight) ?? [];
  if (attention !== undefined && weights.has(`${attention}.in_proj_weight`))
    return { name: attention, fileName: map === 'in_proj_weight' ? attention : `${attention}.base_layer.out_proj` };
  const name = weight.replace(/\.weight$/, '');
  return { name, fileName: name };
}

/** Whether a name is meant by one of some ends of names, such as `attn.c_proj` or `c_proj`. */
export function endsWithName(name: string, ends: readonly string[]): boolean {
  return ends.some((end) => name === end || name.endsWith(`.${end}`));
}

/**
 * The linear maps that some words mean: ends of paths in our words (`attention.output`) or in Hugging Face's (`c_proj`).
 *
 * @throws {@link ConfigError} for words that mean nothing here.
 */
export function findTargets(
  model: AdaptableModel,
  words: readonly string[],
  { moduleNames }: { moduleNames: ModuleNames },
): Target[] {
  const maps = linearMaps(model, moduleNames);
  const namesByPath = namesOf(model, moduleNames === 'class' ? 'checkpoint' : 'class');
  const isMeant = ({ path, name }: Target, ends: readonly string[]): boolean =>
    [path, name, namesByPath.get(`${path}.weight`)?.name.replace(/\.weight$/, '') ?? path].some((own) =>
      endsWithName(own, ends),
    );
  for (const word of words) {
    if (maps.some((map) => isMeant(map, [word]))) continue;
    const known = [...new Set(maps.map(({ path }) => path.replaceAll(/(^|\.)\d+(?=\.)/g, '$1{i}')))].join(', ');
    throw new ConfigError(`LoRA: targets: no linear map of the model is called "${word}"; there are ${known}`);
  }
  return maps.filter((map) => isMeant(map, words));
}

/** Maps of the same modules that are no targets: PEFT adapts both maps of an attention, or none. */
export function partners(
  targets: readonly Target[],
  model: AdaptableModel,
  { moduleNames }: { moduleNames: ModuleNames },
): Target[] {
  const paths = new Set(targets.map(({ path }) => path));
  const names = new Set(targets.map(({ name }) => name));
  return linearMaps(model, moduleNames).filter(({ path, name }) => names.has(name) && !paths.has(path));
}

/** The shortest ends of Hugging Face's names that mean the modules of the targets and no other one. */
export function shortNames(
  targets: readonly Target[],
  model: AdaptableModel,
  { moduleNames }: { moduleNames: ModuleNames },
): string[] {
  const chosen = new Set(targets.map(({ name }) => name));
  const others = linearMaps(model, moduleNames).filter(({ name }) => !chosen.has(name));
  const short = targets.map(({ name }) => {
    const parts = name.split('.');
    const ends = parts.map((_, i) => parts.slice(parts.length - 1 - i).join('.'));
    return ends.find((end) => !others.some((other) => endsWithName(other.name, [end]))) ?? name;
  });
  return [...new Set(short)].sort();
}
