import { type BackendChoice, cpu, type EngineFactory, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';
import { webgpu } from '@formers/backend-webgpu';

import { openDawn } from './dawn.ts';
import { UsageError } from './options.ts';

/** The engines by their names on the command line. */
export const ENGINES: readonly ['auto', 'simd', 'cpu', 'webgpu'] = ['auto', 'simd', 'cpu', 'webgpu'];

/** How the GPU engine may store large tensors. */
export const STORAGES: readonly ['f32', 'f16'] = ['f32', 'f16'];

/** Starts an engine: `auto` is the fastest one of the processor; `webgpu` is the GPU, and is installed by the first command that asks for it. Only that one has a `storage`. */
export async function startEngine({
  engine = 'auto',
  threads,
  storage,
}: {
  engine?: string | undefined;
  threads?: number | undefined;
  storage?: string | undefined;
}): Promise<BackendChoice> {
  if (storage === 'f16' && engine !== 'webgpu') throw new UsageError('--storage f16 is for --engine webgpu');
  const fast = (): EngineFactory => simd({ ...(threads !== undefined && { threads }) });
  if (engine === 'webgpu')
    return useBackend(
      webgpu({ gpu: await openDawn({ onNote: (text) => console.error(text) }), ...(storage === 'f16' && { storage }) }),
    );
  if (engine === 'simd') return useBackend(fast());
  return engine === 'cpu' ? useBackend(cpu()) : useBackend(fast(), cpu());
}

/** One line on what is computed on, and why not on something faster. */
export function describeEngine({ name, device, threads, features, passedOver }: BackendChoice): string {
  const details = [device, `${threads} ${threads === 1 ? 'thread' : 'threads'}`, ...features].join(', ');
  return [`${name} (${details})`, ...passedOver.map((other) => `not ${other.name}: ${other.reason}`)].join('; ');
}
