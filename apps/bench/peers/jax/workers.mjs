/** Web workers for jax-js, which has threads only where there are some: a shim over Node's. */
import { availableParallelism } from 'node:os';
import { Worker as NodeWorker } from 'node:worker_threads';

const PRELUDE = `const { parentPort } = require('node:worker_threads');
globalThis.self = globalThis;
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
parentPort.on('message', (data) => globalThis.onmessage?.({ data }));
`;

/** Gives this process a `Worker`, and jax-js as many of them as it is asked for. */
export function installWorkers(threads) {
  const sources = new Map();
  const createObjectURL = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (blob) => {
    const url = createObjectURL(blob);
    sources.set(url, blob.text());
    return url;
  };
  globalThis.Worker = class {
    constructor(url) {
      this.ready = sources.get(String(url)).then((source) => {
        const worker = new NodeWorker(PRELUDE + source, { eval: true });
        worker.unref();
        worker.on('message', (data) => this.onmessage?.({ data }));
        worker.on('error', (error) => this.onerror?.(error));
        return worker;
      });
    }
    postMessage(message, transfer) {
      void this.ready.then((worker) => worker.postMessage(message, transfer));
    }
    terminate() {
      void this.ready.then((worker) => worker.terminate());
    }
  };
  Object.defineProperty(navigator, 'hardwareConcurrency', { value: Math.min(threads, availableParallelism()) });
}
