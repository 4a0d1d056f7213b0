/** What differs between Node and browsers. Node's modules are reached without an import, so that bundlers see none. */

type Process = typeof process;

/** Node's `process`, undefined elsewhere. */
export function nodeProcess(): Process | undefined {
  return typeof process === 'object' && typeof process.getBuiltinModule === 'function' && process.versions?.node
    ? process
    : undefined;
}

/** Cores that this process may use. */
export function availableCores(): number {
  const node = nodeProcess();
  return node
    ? node.getBuiltinModule('node:os').availableParallelism()
    : (globalThis.navigator?.hardwareConcurrency ?? 1);
}

/** Why threads can't share memory here; undefined when they can. */
export function whyNoThreads(): string | undefined {
  if (nodeProcess()) return undefined;
  if (typeof Worker === 'undefined') return 'this place has no Worker';
  return globalThis.crossOriginIsolated ? undefined : 'the page is not cross-origin isolated';
}

/** Whether the calling thread may block: everywhere but on a page's main thread. */
export function mayWait(): boolean {
  return nodeProcess() !== undefined || typeof document === 'undefined';
}
