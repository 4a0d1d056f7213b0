import type { EngineFactory } from '@formers/backend';
import { engine, type TensorInfo } from '@tensorflow/tfjs-core';

import type { FormersWebGPUBackend } from '../src/backend.ts';
import { elementwise, sizeOf, spread, WORKGROUP } from '../src/kernels/kernel.ts';

/** The engine with NaN in all memory that a kernel gets for its results: what it forgets to write, or reads before, is seen. */
export function poisoned(factory: EngineFactory): EngineFactory {
  return {
    name: factory.name,
    start: async () => {
      const info = await factory.start();
      const backend = engine().backend as unknown as FormersWebGPUBackend;
      const output = backend.output.bind(backend);
      backend.output = (shape, dtype) => {
        const made = output(shape, dtype);
        poison(backend, made);
        return made;
      };
      return info;
    },
  };
}

function poison(backend: FormersWebGPUBackend, tensor: TensorInfo): void {
  const size = sizeOf(tensor);
  if (size === 0) return;
  backend.run({
    key: 'poison',
    code: () => elementwise('y[i] = 0x7fc00001u;'),
    reads: {},
    writes: { y: { tensor, as: 'u32' } },
    counts: { size },
    workgroups: spread(Math.ceil(size / WORKGROUP)),
  });
}
