import { useBackend } from '@formers/backend';
import { describe, expect, test } from 'vitest';

import { opSuite } from '../../testing/src/op-suite/index.ts';
import { simd } from '../src/index.ts';

test('two threads run in a page that is isolated from other origins', async () => {
  expect(globalThis.crossOriginIsolated).toBe(true);
  const { threads } = await useBackend(simd({ threads: 2 }));
  expect(threads).toBe(2);
});

describe('in a browser, 2 threads', () => void opSuite(simd({ threads: 2 })));
