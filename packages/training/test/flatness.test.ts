import { expect, it } from 'vitest';

import { expectFlat, measureMemory, type MemorySample } from './flatness.ts';

/** `flatness.long.test.ts` has all families. */
it('memory is flat over 1,000 steps with evaluations and checkpoints: gpt', { timeout: 300_000 }, async () => {
  const samples = await measureMemory('gpt', 1000);
  expectFlat(samples);
});

it('growth would be seen', () => {
  const flat = { numTensors: 9, numBytes: 99, reserved: 65536, live: 3e7, resident: 1e8 };
  const samples = (growth: (step: number) => Partial<MemorySample>): MemorySample[] =>
    Array.from({ length: 50 }, (_, i) => 20 * (i + 1)).map((step) => ({ ...flat, step, ...growth(step) }));
  expect(() => expectFlat(samples(() => ({})))).not.toThrow();
  for (const [growing, message] of [
    [(step: number) => ({ numTensors: 9 + Math.floor(step / 500) }), 'numTensors'],
    [(step: number) => ({ reserved: 65536 * (1 + Math.floor(step / 900)) }), 'reserved'],
    [(step: number) => ({ live: 3e7 + 4096 * step }), 'growth of live memory'],
    [(step: number) => ({ resident: 1e8 + 32_768 * step }), 'growth of resident memory'],
  ] as const)
    expect(() => expectFlat(samples(growing))).toThrow(message);
});
