import { expect, test } from 'vitest';

import { runBench } from './run-bench.ts';

interface Document {
  readonly counted: readonly {
    readonly engine: string;
    readonly model: string;
    readonly calls: Readonly<Record<string, { readonly perLayer: number; readonly outside: number }>>;
  }[];
}

test('bench dispatches: a warm training step of GPT-2 is within its budget, and makes next to no buffers and bind groups', async () => {
  const { code, stdout } = await runBench(['dispatches', '--ours', '--tiny', '--json']);
  expect(code).toBe(0);
  const { counted } = JSON.parse(stdout) as Document;
  expect(counted.map(({ engine }) => engine)).toEqual(['formers-webgpu']);
  const { dispatchWorkgroups, createBindGroup, createBuffer } = counted[0]?.calls ?? {};
  expect(dispatchWorkgroups?.perLayer).toBeGreaterThan(10);
  expect(dispatchWorkgroups?.perLayer).toBeLessThanOrEqual(30);
  expect(dispatchWorkgroups?.outside).toBeGreaterThan(5);
  expect(dispatchWorkgroups?.outside).toBeLessThanOrEqual(30);
  expect(createBindGroup ?? { perLayer: 0, outside: 0 }).toEqual({ perLayer: 0, outside: 0 });
  expect(createBuffer?.perLayer ?? 0).toBe(0);
  expect(createBuffer?.outside ?? 0).toBeLessThanOrEqual(2);
}, 120_000);
