import { type Remote, wrap } from 'comlink';

// oxlint-disable-next-line import/default -- Vite makes it the address of the script
import workerUrl from './formers.worker.ts?worker&url';
import type { WorkerServices } from './protocol.ts';

/** A worker of the page. */
export interface PageWorker {
  readonly services: Remote<WorkerServices>;
  /** Rejects when its script can't be loaded, or fails in a way that no call tells of, and when it is ended. */
  readonly failure: Promise<never>;
  /** What a call gives; rejects as {@link failure} does, where the call itself would be waited for without end. */
  ask<Answer>(call: Promise<Answer>): Promise<Answer>;
  terminate(): void;
}

/** Why a call has no answer: its worker was ended on purpose. */
export class WorkerEnded extends Error {}

/**
 * Starts a worker. It begins as a blob that imports the worker's script, because such a worker is under the policy of the page
 * (Content-Security-Policy), wherever that is served from, and so can ask nobody but the page's own host. One that is loaded by its address is under what the
 * host sends with it, mostly nothing: so starts the one that downloads models, `mayAsk: 'anybody'`, which gets an address and nothing else.
 */
export function startWorker(name: string, { mayAsk }: { mayAsk: 'own host' | 'anybody' }): PageWorker {
  const address = new URL(workerUrl, import.meta.url).href;
  const script = new Blob([`import ${JSON.stringify(address)};`], { type: 'text/javascript' });
  const url = mayAsk === 'anybody' ? address : URL.createObjectURL(script);
  const worker = new Worker(trusted(url), { type: 'module', name });
  const waiting = new Set<(reason: unknown) => void>();
  let ended: { reason: unknown } | undefined;
  const { promise: failure, reject } = Promise.withResolvers<never>();
  failure.catch((reason: unknown) => {
    ended = { reason };
    for (const tell of waiting) tell(reason);
  });
  worker.addEventListener('error', ({ message }) =>
    reject(new Error(message || 'The script of its worker is missing')),
  );
  return {
    services: wrap<WorkerServices>(worker),
    failure,
    ask: (call) =>
      new Promise((resolve, fail) => {
        if (ended) return fail(ended.reason);
        waiting.add(fail); // not a race with `failure`, which would remember every call
        void call.then(resolve, fail).finally(() => waiting.delete(fail));
      }),
    terminate: () => {
      worker.terminate();
      reject(new WorkerEnded(`${name} was ended`));
    },
  };
}

let policy: { createScriptURL(url: string): TrustedScriptURL } | undefined;

/** A script of the page's own, as its policy wants to be told. */
export function trusted(url: string): TrustedScriptURL {
  policy ??= self.trustedTypes?.createPolicy('worker', { createScriptURL: (own) => own });
  return policy?.createScriptURL(url) ?? url;
}
