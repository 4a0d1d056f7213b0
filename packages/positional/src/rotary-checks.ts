import { ConfigError } from '@formers/backend';

import type { RotaryAngles, RotaryScaling } from './rotary-scaling.ts';

/** Throws a {@link ConfigError} when a size, theta or the scaling can't be. */
export function checkRotaryAngles({ headDim, rotaryDim = headDim, theta = 10_000, scaling }: RotaryAngles): void {
  const refuse = (what: string): never => {
    throw new ConfigError(`RotaryPositions: ${what}`);
  };
  if (!(Number.isInteger(headDim) && headDim > 0)) refuse(`headDim must be a whole number over 0, got ${headDim}`);
  const fits = Number.isInteger(rotaryDim) && rotaryDim > 0 && 2 * Math.ceil(rotaryDim / 2) <= headDim;
  if (!fits) refuse(`rotaryDim must be pairs within the ${headDim} numbers of a head, got ${rotaryDim}`);
  if (!(theta > 0 && theta < Infinity)) refuse(`theta must be over 0, got ${theta}`);
  if (scaling) checkScaling(scaling, { headDim, pairs: Math.ceil(rotaryDim / 2), refuse });
}

function checkScaling(
  scaling: RotaryScaling,
  { headDim, pairs, refuse }: { headDim: number; pairs: number; refuse: (what: string) => never },
): void {
  const numbers = Object.entries(scaling).filter(([, value]) => typeof value === 'number') as [string, number][];
  for (const [name, value] of numbers)
    if (!(value > 0 && value < Infinity)) refuse(`scaling.${name} must be over 0, got ${value}`);
  if (scaling.type === 'proportional' && headDim % 2 !== 0)
    refuse(`headDim must be even with scaling.type proportional, got ${headDim}`);
  if (scaling.type === 'dynamic' && pairs < 2) refuse('scaling.type dynamic takes at least 2 pairs, got 1');
  if (scaling.type === 'llama3' && scaling.highFrequencyFactor <= scaling.lowFrequencyFactor)
    refuse(
      `scaling.highFrequencyFactor must be over lowFrequencyFactor, got ${scaling.highFrequencyFactor} and ${scaling.lowFrequencyFactor}`,
    );
  if (scaling.type === 'longrope')
    for (const name of ['shortFactors', 'longFactors'] as const)
      if (scaling[name].length !== pairs)
        refuse(`scaling.${name} must have ${pairs} factors, one per pair, got ${scaling[name].length}`);
}
