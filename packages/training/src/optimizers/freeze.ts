import { ConfigError } from '@formers/backend';

import { matches, type ParameterMatch, type Trainable } from './optimizer-options.ts';

/**
 * Leaves parameters as they are from now on: optimizers that are made afterwards compute no gradients of them.
 *
 * @example
 * freeze(model, /^decoder\.(tokens|positions|layers\.[0-5])\./);
 *
 * @returns paths of the parameters that it froze
 * @throws {@link ConfigError} when nothing matches.
 */
export function freeze(model: Trainable, match: ParameterMatch = () => true): string[] {
  return setTrainable(model, { match, trainable: false, caller: 'freeze' });
}

/** Takes back {@link freeze}, for optimizers that are made afterwards. */
export function unfreeze(model: Trainable, match: ParameterMatch = () => true): string[] {
  return setTrainable(model, { match, trainable: true, caller: 'unfreeze' });
}

function setTrainable(
  model: Trainable,
  { match, trainable, caller }: { match: ParameterMatch; trainable: boolean; caller: string },
): string[] {
  const meant = [...model.namedParameters()].filter(([path, parameter]) => matches(match, path, parameter));
  if (meant.length === 0)
    throw new ConfigError(
      `${caller}: no parameter matches ${match instanceof RegExp ? String(match) : 'the function'}`,
    );
  for (const [, parameter] of meant) parameter.trainable = trainable;
  return meant.map(([path]) => path);
}
