import { expose, proxy } from 'comlink';

import type { WorkerServices } from './protocol.ts';

// The page's policy holds here too, and asks for a word on each script that is started: the engine's threads are blobs.
self.trustedTypes?.createPolicy('default', {
  createScriptURL: (url) => {
    if (!url.startsWith('blob:')) throw new TypeError(`no script may be started from ${url}`);
    return url;
  },
});

const services: WorkerServices = {
  classifier: async () => proxy((await import('./classifier-service.ts')).createClassifier()),
  opener: async () => proxy((await import('./opener-service.ts')).createOpener()),
  trainer: async () => proxy((await import('../train/trainer-service.ts')).createTrainer()),
};

expose(services);
