import { type BackendChoice, cpu, type EngineFactory, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { webgpu } from '@formers/backend-webgpu';

import { openDawn } from './dawn.ts';

/** The engines by their names on the command line. */
export const ENGINES: readonly ['auto', 'simd', 'cpu', 'webgpu'] = ['auto', 'simd', 'cpu', 'webgpu'];

/** Starts an engine: `auto` is the fastest one of the processor; `webgpu` is the GPU, and is installed by the first command that asks for it. */
export async function startEngine({
  engine = 'auto',
  threads,
}: {
  engine?: string | undefined;
  threads?: number | undefined;
}): Promise<BackendChoice> {
  const fast = (): EngineFactory => simd({ ...(threads !== undefined && { threads }) });
  if (engine === 'webgpu')
    return useBackend(webgpu({ gpu: await openDawn({ onNote: (text) => console.error(text) }) }));
  if (engine === 'simd') return useBackend(fast());
  return engine === 'cpu' ? useBackend(cpu()) : useBackend(fast(), cpu());
}

/** One line on what is computed on, and why not on something faster. */
export function describeEngine({ name, device, threads, features, passedOver }: BackendChoice): string {
  const details = [device, `${threads} ${threads === 1 ? 'thread' : 'threads'}`, ...features].join(', ');
  return [`${name} (${details})`, ...passedOver.map((other) => `not ${other.name}: ${other.reason}`)].join('; ');
}
