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
  expect(counted.map(({ engine }) => engine)).toEqual(['formers-webgpu', 'formers-webgpu']);
  const [tiny, ofRealSize] = counted;
  expect(ofRealSize?.model).toContain('50,257 words, 2 x 1,024 tokens');
  for (const { calls } of [tiny!, ofRealSize!]) {
    const { dispatchWorkgroups, createBindGroup, createBuffer } = calls;
    expect(dispatchWorkgroups?.perLayer).toBeGreaterThan(10);
    expect(dispatchWorkgroups?.perLayer).toBeLessThanOrEqual(30);
    expect(dispatchWorkgroups?.outside).toBeGreaterThan(5);
    expect(createBindGroup ?? { perLayer: 0, outside: 0 }).toEqual({ perLayer: 0, outside: 0 });
    expect(createBuffer?.perLayer ?? 0).toBe(0);
    expect(createBuffer?.outside ?? 0).toBeLessThanOrEqual(2);
  }
  expect(tiny?.calls['dispatchWorkgroups']?.outside).toBeLessThanOrEqual(24);
  // The optimizer's second buffer, for which GPT-2 has to be 768 wide and 12 layers deep, takes two more of 30.
  expect(ofRealSize?.calls['dispatchWorkgroups']?.outside).toBeLessThanOrEqual(28);
}, 180_000);
