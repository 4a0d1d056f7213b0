import { type BackendChoice, cpu, type EngineFactory, useBackend } from '@formers/backend';
import { simd } from '@formers/backend-simd';

/** The engines by their names on the command line. */
export const ENGINES: readonly ['auto', 'simd', 'cpu'] = ['auto', 'simd', 'cpu'];

/** Starts an engine: `auto` is the fastest one that this machine has. */
export function startEngine({
  engine = 'auto',
  threads,
}: {
  engine?: string | undefined;
  threads?: number | undefined;
}): Promise<BackendChoice> {
  const fast = (): EngineFactory => simd({ ...(threads !== undefined && { threads }) });
  if (engine === 'simd') return useBackend(fast());
  return engine === 'cpu' ? useBackend(cpu()) : useBackend(fast(), cpu());
}

/** One line on what is computed on, and why not on something faster. */
export function describeEngine({ name, device, threads, features, passedOver }: BackendChoice): string {
  const details = [device, `${threads} ${threads === 1 ? 'thread' : 'threads'}`, ...features].join(', ');
  return [`${name} (${details})`, ...passedOver.map((other) => `not ${other.name}: ${other.reason}`)].join('; ');
}
