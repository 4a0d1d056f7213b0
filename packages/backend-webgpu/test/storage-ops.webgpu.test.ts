import { engine } from '@tensorflow/tfjs-core';
import { describe, test } from 'vitest';

import { useEngineForTests } from '../../testing/src/index.ts';
import { halfCases } from '../../testing/src/op-suite/half-cases.ts';
import { checkCase } from '../../testing/src/op-suite/op-case.ts';
import { FormersWebGPUBackend } from '../src/backend.ts';
import { storeInHalves } from '../src/engine/half-storage.ts';
import { webgpu } from '../src/index.ts';
import { dawn } from './dawn.ts';

describe('ops that store and read halves', async () => {
  useEngineForTests(webgpu({ gpu: await dawn(), storage: 'f16' }));
  const cases = halfCases((tensor) => {
    const { backend } = engine();
    if (backend instanceof FormersWebGPUBackend) storeInHalves(backend, tensor);
  });
  for (const opCase of cases) test(`in halves: ${opCase.name}`, () => checkCase(opCase));
});
