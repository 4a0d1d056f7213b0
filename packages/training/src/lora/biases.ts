import type { PeftConfig } from './peft-config.ts';
import { SavedParameter } from './saved-parameter.ts';
import { type AdaptableModel, type ModuleNames, namesOf, type Target } from './targets.ts';

/** Output layers whose bias Hugging Face's class has a second time, below `decoder`. */
const TWICE = /^(lm_head|cls\.predictions)\.bias$/;

/**
 * The biases that are trained, too, which PEFT's files have beside the factors: those of the wrapped maps, or all of the model.
 *
 * @param options.wrapped The maps that PEFT adapts: it has their biases below `base_layer`.
 * @param options.saved What is saved already.
 */
export function findBiases(
  model: AdaptableModel,
  {
    bias,
    wrapped,
    saved,
    moduleNames,
  }: {
    bias: PeftConfig['bias'];
    wrapped: readonly Target[];
    saved: readonly SavedParameter[];
    moduleNames: ModuleNames;
  },
): SavedParameter[] {
  if (bias === 'none') return [];
  const files = new Map(wrapped.map(({ path, fileName }) => [`${path}.bias`, `${fileName}.base_layer.bias`]));
  const known = new Set(saved.map(({ path }) => path));
  const names = namesOf(model, moduleNames);
  return [...model.namedParameters()].flatMap(([path, variable]) => {
    const plain = names.get(path)?.name ?? path;
    const name = files.get(path) ?? (bias === 'all' ? plain : undefined);
    if (name === undefined || !plain.endsWith('.bias') || known.has(path)) return [];
    const aliases = TWICE.test(name) ? [name.replace(/bias$/, 'decoder.bias')] : [];
    return [new SavedParameter({ path, name, isTransposed: false, variable, aliases })];
  });
}

/** With all biases, what PEFT's files have again of a module that is saved whole: its bias as it is trained and as it was. */
export function copiesOf({ name }: SavedParameter): { own: string; original: string } | undefined {
  const [, module] = /^(.*)\.bias$/.exec(name) ?? [];
  if (module === undefined) return undefined;
  return { own: `${module}.modules_to_save.bias`, original: `${module}.original_module.bias` };
}
