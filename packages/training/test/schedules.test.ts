import { existsSync, readFileSync } from 'node:fs';
import { ConfigError } from '@formers/backend';
import { describe, expect, it } from 'vitest';

import {
  constant,
  huggingFaceSchedule,
  nanoGptCosine,
  noam,
  type Schedule,
  scheduleNames,
  warmupCosine,
  warmupLinear,
} from '../src/index.ts';

interface Case {
  name: string;
  function: string;
  options: Record<string, unknown>;
  rates: number[];
}
const readJson = (url: URL): unknown => JSON.parse(readFileSync(url, 'utf8'));
const { peak, cases, nanoGpt } = readJson(new URL('fixtures/schedules.json', import.meta.url)) as {
  peak: number;
  cases: Case[];
  nanoGpt: number[];
};
const shared = new URL('../../../../shared/fixtures/training/schedules.json', import.meta.url);

/** Cosines may differ in their last bit between languages: 1e-15 of the peak, nothing else. */
function expectRates(schedule: Schedule, rates: readonly number[], peak: number): void {
  rates.forEach((rate, step) =>
    expect(Math.abs(schedule(step) - rate), `step ${step}`).toBeLessThanOrEqual(1e-15 * peak),
  );
}

describe('schedules', () => {
  it.each(cases)('$function $options agrees with Hugging Face', ({ name, function: functionName, options, rates }) => {
    expect(rates).toHaveLength(48);
    expectRates(huggingFaceSchedule(name, { learning_rate: peak, ...options }), rates, peak);
    expectRates(huggingFaceSchedule(functionName, { learning_rate: peak, ...options }), rates, peak);
  });

  it('has every name of Hugging Face in the goldens', () => {
    expect(new Set(cases.map(({ name }) => name))).toEqual(new Set(scheduleNames));
  });

  it.skipIf(!existsSync(shared))('agrees with the shared fixtures (skipped without ../shared)', () => {
    const fixtures = Object.values(
      readJson(shared) as Record<
        string,
        { function: string; options: Record<string, unknown>; base_lr: number; lr: number[] }
      >,
    );
    expect(fixtures.length).toBeGreaterThan(0);
    for (const { function: name, options, base_lr, lr } of fixtures)
      expectRates(huggingFaceSchedule(name, { learning_rate: base_lr, ...options }), lr, base_lr);
  });

  it("agrees with nanoGPT's", () => {
    expectRates(nanoGptCosine({ peak, warmup: 6, total: 40, floor: 3e-5 }), nanoGpt, peak);
  });

  it("is the paper's formula: noam", () => {
    const schedule = noam({ dim: 512, warmup: 4000 });
    expect(schedule(0)).toBeCloseTo(512 ** -0.5 * 4000 ** -1.5, 15);
    expect(schedule(3999)).toBeCloseTo(6.987712429686844e-4, 15); // its top, where both terms meet
    expect(schedule(99_999)).toBeCloseTo((512 * 100_000) ** -0.5, 15);
  });

  it('can be worked out by hand', () => {
    expect([0, 1, 2, 3, 4, 5, 6].map(warmupLinear({ peak: 1, warmup: 2, total: 6 }))).toEqual([
      0, 0.5, 1, 0.75, 0.5, 0.25, 0,
    ]);
    expect(warmupCosine({ peak: 2, warmup: 0, total: 4, floor: 1 })(2)).toBeCloseTo(1.5, 15);
    expect(constant({ peak: 3 })(1e9)).toBe(3);
  });

  it('refuses unknown names and malformed arguments', () => {
    expect(() => huggingFaceSchedule('cosin', { learning_rate: 1 })).toThrow(
      'no schedule is called "cosin"; there are constant, ',
    );
    expect(() => huggingFaceSchedule('linear', { learning_rate: 1 })).toThrow(
      'linear needs a number for num_training_steps, got nothing',
    );
    expect(() => huggingFaceSchedule('linear', { learning_rate: '1', num_training_steps: 2 })).toThrow(ConfigError);
    expect(() =>
      huggingFaceSchedule('warmup_stable_decay', {
        learning_rate: 1,
        num_decay_steps: 1,
        num_stable_steps: 1,
        decay_type: 'sine',
      }),
    ).toThrow('decay_type must be linear, cosine or 1-sqrt, got "sine"');
  });
});
