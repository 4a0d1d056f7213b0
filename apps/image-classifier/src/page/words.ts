import type { BackendChoice } from '@formers/backend';

const ENGINE_NAMES: ReadonlyMap<string, string> = new Map([
  ['formers-webgpu', 'WebGPU'],
  ['formers-simd', 'SIMD'],
  ['cpu', 'JavaScript'],
]);

/** The engine as its badge shows it, and why it isn't a faster one, if so. */
export function describeEngine({ name, device, threads, features, passedOver }: BackendChoice): {
  badge: string;
  reason: string;
} {
  const amount = name === 'formers-webgpu' ? device : `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  const badge = `${nameOf(name)} · ${amount}`;
  const notes = features.filter((feature) => feature.includes(' as '));
  const reasons = [...passedOver.map((other) => `${nameOf(other.name)} did not start: ${other.reason}`), ...notes];
  return { badge, reason: [...new Set(reasons)].map(asSentence).join(' ') };
}

/** A probability as `98.2 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A time as `3.1 ms`. */
export function milliseconds(time: number): string {
  return `${time < 100 ? time.toFixed(1) : time.toFixed(0)} ms`;
}

/** A number of bytes as `12.3 MB`. */
export function bytes(count: number): string {
  const [unit, size] = count >= 1e6 ? (['MB', 1e6] as const) : (['kB', 1e3] as const);
  return `${(count / size).toFixed(count >= 1e8 ? 0 : 1)} ${unit}`;
}

/** Messages may list hundreds of tensors: so many characters are shown. */
const MOST_CHARACTERS = 400;

/** The message of an error, without the name of the function that it begins with, as a sentence. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const bare = text.replace(/^\w+(\.\w+)?: /, '').replace(/^memory: /, '');
  return asSentence(bare.length > MOST_CHARACTERS ? `${bare.slice(0, MOST_CHARACTERS)}…` : bare);
}

function nameOf(engine: string): string {
  return ENGINE_NAMES.get(engine) ?? engine;
}

function asSentence(text: string): string {
  const isName = /^\S*[./:_]\S/.test(text); // an address or a file
  return `${isName ? text.charAt(0) : text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? '' : '.'}`;
}
