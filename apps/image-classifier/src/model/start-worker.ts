import { type Remote, wrap } from 'comlink';

// oxlint-disable-next-line import/default -- Vite makes it the address of the script
import workerUrl from './classifier.worker.ts?worker&url';
import type { PageClassifier } from './page-classifier.ts';

/**
 * Starts the worker that holds the model. It begins as a blob that imports the worker's script, because such a worker is under the policy of the page
 * (Content-Security-Policy), wherever that is served from; one that is loaded by its address is under what the host sends with it, mostly nothing.
 *
 * @returns What to ask it, and a promise that rejects when its script can't be loaded.
 */
export function startWorker(): { classifier: Remote<PageClassifier>; failure: Promise<never> } {
  const script = `import ${JSON.stringify(new URL(workerUrl, import.meta.url).href)};`;
  const blobUrl = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const policy = self.trustedTypes?.createPolicy('worker', { createScriptURL: (url) => url });
  const worker = new Worker(policy?.createScriptURL(blobUrl) ?? blobUrl, { type: 'module', name: 'classifier' });
  const failure = new Promise<never>((_, reject) => {
    worker.addEventListener('error', ({ message }) =>
      reject(new Error(message || 'The script of its worker is missing')),
    );
  });
  return { classifier: wrap<PageClassifier>(worker), failure };
}
