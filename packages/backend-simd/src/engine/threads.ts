import { nodeProcess } from './platform.ts';

/** What a worker gets. */
interface WorkerStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly thread: number;
}

/**
 * What a worker runs: take jobs until the pool ends. Kept as text, which needs no file that bundlers would have to find; the same in Node and browsers,
 * where `start` comes as a message.
 */
const WORKER_BODY = `
function work({ module, memory, thread }) {
  const { exports } = new WebAssembly.Instance(module, { env: { memory, abort() { throw new Error('formers-simd: kernel aborted'); } } });
  const kernels = WebAssembly.Module.exports(module).map(({ name }) => exports[name]);
  ready();
  for (let kernel = exports.awaitJob(thread); kernel >= 0; kernel = exports.awaitJob(thread)) {
    kernels[kernel](thread);
    exports.finish();
  }
}`;
const IN_NODE = `const { parentPort, workerData } = require('node:worker_threads'); const ready = () => parentPort.postMessage('ready'); ${WORKER_BODY} work(workerData);`;
const IN_BROWSER = `const ready = () => postMessage('ready'); ${WORKER_BODY} onmessage = ({ data }) => { work(data); close(); };`;

/** Starts one worker; resolves when it waits for jobs. It doesn't keep a Node process alive. */
export async function startWorker(start: WorkerStart): Promise<void> {
  const node = nodeProcess();
  if (node) {
    const { Worker: NodeWorker } = node.getBuiltinModule('node:worker_threads');
    const worker = new NodeWorker(IN_NODE, {
      eval: true,
      workerData: start,
      name: `formers-simd-${start.thread}`,
      execArgv: [],
    });
    await new Promise<void>((resolve, reject) => worker.once('message', () => resolve()).once('error', reject));
    worker.unref();
    return;
  }
  const url = URL.createObjectURL(new Blob([IN_BROWSER], { type: 'text/javascript' }));
  try {
    const worker = new Worker(url, { name: `formers-simd-${start.thread}` });
    await new Promise<void>((resolve, reject) => {
      worker.onmessage = () => resolve();
      worker.onerror = (event) => reject(new Error(event.message || 'the worker could not be started'));
      worker.postMessage(start);
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}
