import { useBackend } from '@formers/backend';
import { describe, expect, test } from 'vitest';

import { opSuite } from '../../testing/src/op-suite/index.ts';
import { simd } from '../src/index.ts';

test('one thread, and why, in a page that is not isolated from other origins', async () => {
  expect(globalThis.crossOriginIsolated).toBe(false);
  const { threads, features } = await useBackend(simd({ threads: 2 }));
  expect(threads).toBe(1);
  expect(features).toContain('one thread, as the page is not cross-origin isolated');
});

describe('in a browser, not isolated', () => void opSuite(simd()));
