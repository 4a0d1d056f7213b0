import type { TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../../backend.ts';
import { spread } from '../kernel.ts';
import type { Direction } from './cells.ts';
import { isLooped, type LayerSizes, loopShape } from './layer.ts';
import { loopCode } from './loop-code.ts';
import { STEP_UNITS, stepCode, stepFours } from './step-code.ts';

/** Steps of one dispatch, at most: drivers end dispatches that take seconds. */
const MOST_STEPS = 256;

/** A direction with what it reads and writes, by the names in its code; its matrix is called `matrix`. */
export interface Pass {
  readonly direction: Direction;
  readonly reads: Readonly<Record<string, TensorInfo>>;
  readonly writes: Readonly<Record<string, TensorInfo>>;
}

/** Records all steps of a layer; nothing may be empty. */
export function runSteps(backend: FormersWebGPUBackend, sizes: LayerSizes, pass: Pass): void {
  const { seq } = sizes;
  const isLoop = isLooped(sizes);
  const most = isLoop ? MOST_STEPS : 1;
  for (let done = 0; done < seq; done += most) {
    const first = pass.direction.isBackward ? seq - 1 - done : done;
    if (isLoop) runLoop(backend, sizes, { ...pass, first, steps: Math.min(most, seq - done) });
    else runStep(backend, sizes, { ...pass, first });
  }
}

function runLoop(
  backend: FormersWebGPUBackend,
  sizes: LayerSizes,
  { direction, reads, writes, first, steps }: Pass & { first: number; steps: number },
): void {
  const { batch, seq, hidden } = sizes;
  const shape = loopShape(sizes, direction);
  backend.run({
    key: `${direction.key} loop ${hidden} ${Object.values(shape).join()}`,
    code: () => loopCode(direction, { ...shape, hidden }),
    ...{ reads, writes },
    counts: { batch, seq, first, steps },
    workgroups: spread(Math.ceil(batch / shape.rows)),
  });
}

/** Records one step. */
export function runStep(
  backend: FormersWebGPUBackend,
  { batch, seq, hidden }: LayerSizes,
  { direction, reads, writes, first }: Pass & { first: number },
): void {
  const fours = stepFours(batch);
  backend.run({
    key: `${direction.key} step ${hidden} ${fours}`,
    code: () => stepCode(direction, { hidden, fours }),
    ...{ reads, writes },
    counts: { batch, seq, first },
    workgroups: spread(Math.ceil(hidden / STEP_UNITS) * Math.ceil(batch / (4 * fours))),
  });
}
