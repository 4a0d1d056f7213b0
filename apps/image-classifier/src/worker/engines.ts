import { type BackendChoice, cpu, type EngineFactory, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { webgpu } from '@formers/backend-webgpu';

import type { EngineChoice, EngineId } from './engine-names.ts';

/** How each engine is made, the fastest first. */
const FACTORIES: Readonly<Record<EngineId, () => EngineFactory>> = {
  webgpu: () => webgpu(),
  'simd-threads': () => simd(),
  simd: () => simd({ threads: 1 }),
  cpu: () => cpu(),
};

/** Starts the engine that the visitor chose, or else the fastest that starts; what it says of itself has the reasons for a fallback. */
export async function startEngine(choice: EngineChoice): Promise<BackendChoice> {
  const ids = Object.keys(FACTORIES) as EngineId[];
  const tried = choice === 'auto' ? ids : [choice, ...ids.filter((id) => id !== choice)];
  const [first = cpu(), ...others] = tried.map((id) =>
    id === 'webgpu' && choice === 'auto' ? onRealGPU(FACTORIES.webgpu()) : FACTORIES[id](),
  );
  return useBackend(first, ...others);
}

/** The engine, but for a browser that would compute it in software: there SIMD is faster. Chosen by hand, it starts all the same. */
function onRealGPU(factory: EngineFactory): EngineFactory {
  return {
    name: factory.name,
    start: async () => {
      const adapter = await navigator.gpu?.requestAdapter();
      const { isFallbackAdapter = false, architecture = '' } = adapter?.info ?? {};
      if (isFallbackAdapter || architecture === 'swiftshader')
        throw new Error('this browser has WebGPU in software only');
      return factory.start();
    },
  };
}
