import { type BackendChoice, cpu, type EngineFactory, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';

import type { EngineChoice, EngineId } from './engine-names.ts';

/** How each engine is made, the fastest first. */
const FACTORIES: Readonly<Record<EngineId, () => EngineFactory>> = {
  webgpu: () => missing('webgpu'),
  'simd-threads': () => simd(),
  simd: () => simd({ threads: 1 }),
  cpu: () => cpu(),
};

/** Starts the engine that the visitor chose, or else the fastest that starts; what it says of itself has the reasons for a fallback. */
export async function startEngine(choice: EngineChoice): Promise<BackendChoice> {
  const ids = Object.keys(FACTORIES) as EngineId[];
  const tried = choice === 'auto' ? ids : [choice, ...ids.filter((id) => id !== choice)];
  const [first = cpu(), ...others] = tried.map((id) => FACTORIES[id]());
  return useBackend(first, ...others);
}

function missing(name: string): EngineFactory {
  return { name, start: () => Promise.reject(new Error('this page was built without it')) };
}
