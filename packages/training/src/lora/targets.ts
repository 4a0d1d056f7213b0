import { ConfigError } from '@formers/backend';
import { type AnyModule, Linear, type NameRow, storedNames } from '@formers/nn';

/** A model whose linear maps can be adapted; names of checkpoints come from its `format`, where it has one. */
export type AdaptableModel = AnyModule & {
  readonly format?: { readonly names: readonly NameRow[]; readonly architecture: string };
};

/** A linear map of a model. */
export interface Target {
  /** Our path, such as `decoder.layers.0.attention.output`. */
  readonly path: string;
  /** Its name in Hugging Face's class, such as `transformer.h.0.attn.c_proj`; the path where there is none. */
  readonly name: string;
  readonly linear: Linear;
  /** Whether Hugging Face stores it as [inDim, outDim] (Conv1D). */
  readonly isTransposed: boolean;
}

/** All linear maps of a model, in order. */
export function linearMaps(model: AdaptableModel): Target[] {
  const names = moduleNames(model);
  return [...model.namedModules()].flatMap(([path, module]) => {
    if (!(module instanceof Linear)) return [];
    const { name = path, isTransposed = false } = names.get(path) ?? {};
    return [{ path, name, linear: module, isTransposed }];
  });
}

/** Names of modules in Hugging Face's class, by our paths. */
export function moduleNames(model: AdaptableModel): Map<string, { name: string; isTransposed: boolean }> {
  if (!model.format) return new Map();
  const stored = storedNames(model.namedParameters().keys(), model.format.names);
  return new Map(
    [...stored]
      .filter(([path]) => path.endsWith('.weight'))
      .map(([path, { name, transpose }]) => [
        path.slice(0, -'.weight'.length),
        { name: name.replace(/\.weight$/, ''), isTransposed: transpose },
      ]),
  );
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
export function findTargets(model: AdaptableModel, words: readonly string[]): Target[] {
  const maps = linearMaps(model);
  const isMeant = ({ path, name }: Target, ends: readonly string[]): boolean =>
    endsWithName(path, ends) || endsWithName(name, ends);
  for (const word of words) {
    if (maps.some((map) => isMeant(map, [word]))) continue;
    const known = [...new Set(maps.map(({ path }) => path.replaceAll(/(^|\.)\d+(?=\.)/g, '$1{i}')))].join(', ');
    throw new ConfigError(`LoRA: targets: no linear map of the model is called "${word}"; there are ${known}`);
  }
  return maps.filter((map) => isMeant(map, words));
}

/** The shortest ends of Hugging Face's names that mean the targets and no other linear map. */
export function shortNames(targets: readonly Target[], model: AdaptableModel): string[] {
  const chosen = new Set(targets.map(({ path }) => path));
  const others = linearMaps(model).filter(({ path }) => !chosen.has(path));
  const short = targets.map(({ name }) => {
    const parts = name.split('.');
    const ends = parts.map((_, i) => parts.slice(parts.length - 1 - i).join('.'));
    return ends.find((end) => !others.some((other) => endsWithName(other.name, [end]))) ?? name;
  });
  return [...new Set(short)].sort();
}
