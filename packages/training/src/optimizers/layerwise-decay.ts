import { ConfigError } from '@formers/backend';

import type { ParameterGroup, Trainable } from './optimizer-options.ts';

/** The layers of a stack, such as `decoder.`: how many there are, and where the first begins among all parameters. */
interface Stack {
  depth: number;
  begins: number;
}

/**
 * Groups whose learning rates fall from the top of a model to its bottom: the last layer and what comes after it have the full rate, each layer below `rate`
 * times that of the one above, and embeddings that of one more (Howard and Ruder 2018, section 3.1). Of several stacks each falls by itself.
 *
 * @example
 * using optimizer = new AdamW(model, { learningRate: 1e-4, groups: layerwiseDecay(model, { rate: 0.9 }) });
 *
 * @param options.rate In (0, 1].
 */
export function layerwiseDecay(model: Trainable, { rate }: { rate: number }): ParameterGroup[] {
  if (!(rate > 0 && rate <= 1)) throw new ConfigError(`layerwiseDecay: rate must be in (0, 1], got ${rate}`);
  const paths = [...model.namedParameters().keys()];
  const stacks = findStacks(paths);
  if (stacks.size === 0) throw new ConfigError('layerwiseDecay: the model has no layers');
  const steps = new Map(paths.map((path, place) => [path, stepsBelowTop(path, { place, stacks })]));
  return [...new Set(steps.values())]
    .sort((a, b) => a - b)
    .map((step) => ({ match: (path) => steps.get(path) === step, learningRateFactor: rate ** step }));
}

function findStacks(paths: readonly string[]): Map<string, Stack> {
  const stacks = new Map<string, Stack>();
  paths.forEach((path, place) => {
    const layer = layerOf(path);
    if (!layer) return;
    const stack = stacks.get(layer.stack) ?? { depth: 0, begins: place };
    stacks.set(layer.stack, { ...stack, depth: Math.max(stack.depth, layer.index + 1) });
  });
  return stacks;
}

/** How many layers lie above a parameter. What stands before the layers of its stack, or of all stacks, is below them; what stands behind is above. */
function stepsBelowTop(path: string, { place, stacks }: { place: number; stacks: Map<string, Stack> }): number {
  const layer = layerOf(path);
  if (layer) return (stacks.get(layer.stack) as Stack).depth - 1 - layer.index;
  const own = [...stacks].filter(([stack]) => stack !== '' && path.startsWith(stack)).map(([, stack]) => stack);
  const candidates = own.length > 0 ? own : [...stacks.values()];
  const isBelow = candidates.every(({ begins }) => place < begins);
  return isBelow ? Math.max(...candidates.map(({ depth }) => depth)) : 0;
}

/** The stack and the number of the layer that a parameter is of. */
function layerOf(path: string): { stack: string; index: number } | undefined {
  const [, stack, index] = /^(.*?)(?<=^|\.)layers\.(\d+)\./.exec(path) ?? [];
  return stack === undefined ? undefined : { stack, index: Number(index) };
}
