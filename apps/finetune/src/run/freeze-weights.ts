import { UsageError } from '@formers/cli';
import { PretrainedModel } from '@formers/nn';
import { freeze } from '@formers/training';

import type { TaskModel } from '../tasks/task.ts';

/**
 * Leaves weights of a model as they are.
 *
 * @param what `base`: all but the head and what comes with a new one, such as BERT's pooler; else a regular expression that is looked for in the names of the weights, Hugging Face's and ours.
 * @returns How many numbers are left as they are.
 * @throws {@link UsageError} where nothing matches or nothing is left to train.
 */
export function freezeWeights(model: TaskModel, what: string): number {
  if (!(model instanceof PretrainedModel)) throw new UsageError('--freeze: this model has no weights by name');
  const names = model.fileNames();
  const { basePrefix, optional = [] } = model.format;
  const pattern = what === 'base' ? undefined : patternOf(what);
  const isMeant = (path: string): boolean => {
    const name = names.get(path)?.name ?? path;
    if (pattern) return pattern.test(name) || pattern.test(path);
    return basePrefix !== '' && name.startsWith(basePrefix) && !optional.some((one) => one.test(name));
  };
  const parameters = [...model.namedParameters()];
  const frozen = parameters.filter(([path]) => isMeant(path));
  if (frozen.length === 0 || frozen.length === parameters.length) {
    const examples = [...names.values()].slice(0, 3).map(({ name }) => name);
    const wrong = frozen.length === 0 ? 'no weights match' : 'nothing would be left to train';
    throw new UsageError(`--freeze ${what}: ${wrong}; weights have names such as ${examples.join(', ')}`);
  }
  freeze(model, isMeant);
  return frozen.reduce((sum, [, { size }]) => sum + size, 0);
}

function patternOf(what: string): RegExp {
  try {
    return new RegExp(what);
  } catch {
    throw new UsageError(`--freeze must be base or a regular expression, got ${JSON.stringify(what)}`);
  }
}
