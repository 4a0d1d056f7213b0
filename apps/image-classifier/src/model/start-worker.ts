import { type Remote, wrap } from 'comlink';

// oxlint-disable-next-line import/default -- Vite makes it the address of the script
import workerUrl from './classifier.worker.ts?worker&url';
import type { PageClassifier } from './page-classifier.ts';

/**
 * Starts the worker that holds the model. It begins as a blob that imports the worker's script, because such a worker is under the policy of the page
 * (Content-Security-Policy), wherever that is served from; one that is loaded by its address is under what the host sends with it, mostly nothing.
 *
 * @param onFailure Called when the script of the worker can't be loaded.
 */
export function startWorker(onFailure: (message: string) => void): Remote<PageClassifier> {
  const script = `import ${JSON.stringify(new URL(workerUrl, import.meta.url).href)};`;
  const blobUrl = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const policy = self.trustedTypes?.createPolicy('worker', { createScriptURL: (url) => url });
  const worker = new Worker(policy?.createScriptURL(blobUrl) ?? blobUrl, { type: 'module', name: 'classifier' });
  worker.addEventListener('error', ({ message }) => onFailure(message || 'its script could not be loaded'));
  return wrap<PageClassifier>(worker);
}
