import { engine, findBackendFactory, getBackend, setBackend } from '@tensorflow/tfjs-core';

import { BackendError } from './errors.ts';
import { registerReductionGradients } from './reduction-gradients.ts';
import { registerSoftmaxGradient } from './softmax-gradient.ts';
import { tfjsEngine } from './tfjs-engine.ts';

/** What an engine says about itself once it runs. */
export interface EngineInfo {
  /** The tfjs name of the backend, such as `cpu` or `formers-simd`. */
  readonly name: string;
  /** What it runs on, in words. */
  readonly device: string;
  readonly threads: number;
  /** What it makes use of, such as `simd` or `avx2`. */
  readonly features: readonly string[];
}

/** A way to get an engine; engine packages export functions that make one. */
export interface EngineFactory {
  readonly name: string;
  /** Registers and starts the engine. Throws, with the reason in words, where this machine can't run it. */
  start(): Promise<EngineInfo>;
}

/** The engine in use, and why others were passed over. */
export interface BackendChoice extends EngineInfo {
  readonly passedOver: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Starts the first of the engines that this machine has, and registers the gradients.
 *
 * @example
 * const { name } = await useBackend(cpu());
 * @throws {@link BackendError} when none of them starts; the message says why for each.
 */
export async function useBackend(...factories: readonly [EngineFactory, ...EngineFactory[]]): Promise<BackendChoice> {
  const passedOver: { name: string; reason: string }[] = [];
  for (const factory of factories) {
    try {
      const info = await factory.start();
      const { registerTfjsGradients } = await import('./tfjs-gradients.gen.js');
      registerTfjsGradients();
      registerReductionGradients();
      registerSoftmaxGradient();
      return { ...info, passedOver };
    } catch (error) {
      passedOver.push({ name: factory.name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  const reasons = passedOver.map(({ name, reason }) => `${name} (${reason})`).join(', ');
  throw new BackendError(`useBackend: no engine could be started: ${reasons}`);
}

/** tfjs's plain JavaScript engine: slow, and everywhere. Needs `@tensorflow/tfjs-backend-cpu`. */
export function cpu(): EngineFactory {
  return {
    name: 'cpu',
    start: async () => {
      await import('@tensorflow/tfjs-backend-cpu');
      await activate('cpu');
      // tfjs greets on its first write in Node and recommends another package; ours is not the place for that.
      Object.assign(tfjsEngine().backend, { firstUse: false });
      return { name: 'cpu', device: 'JavaScript', threads: 1, features: [] };
    },
  };
}

/** Any tfjs backend that the program has imported and registered, such as `webgl` or `tensorflow`: everything runs there through the compositions. */
export function tfjsBackend(name: string): EngineFactory {
  return {
    name,
    start: async () => {
      if (!findBackendFactory(name))
        throw new BackendError(`no tfjs backend "${name}" is registered; import its package first`);
      await activate(name);
      return { name, device: name, threads: 1, features: [] };
    },
  };
}

/** Makes a registered tfjs backend the active one. For engine packages. */
export async function activate(name: string): Promise<void> {
  if (getBackendName() !== name && !(await setBackend(name)))
    throw new BackendError(`tfjs could not start its backend "${name}"`);
  await engine().ready();
}

/** The tfjs name of the active engine; undefined before there is one. */
function getBackendName(): string | undefined {
  return tfjsEngine().backendName ? getBackend() : undefined;
}
