import { describe, expect, it } from 'vitest';

import { comparisonText, withMeasurements } from '../src/measure/report.ts';

describe('the measure of pre-training', () => {
  it('gives means, each seed and the difference, whichever way it falls', () => {
    const text = comparisonText(
      [
        { task: 'text-classification', metric: 'accuracy', pretrained: [0.9, 0.94], scratch: [0.8, 0.82] },
        { task: 'token-classification', metric: 'accuracy', pretrained: [0.5, 0.5], scratch: [0.625, 0.625] },
      ],
      {
        pretraining: { parameters: 1000, tokens: 2000, loss: 5, seconds: 60 },
        steps: 10,
        examples: 20,
        engine: 'cpu',
        cpu: 'a machine',
        date: '2026-11-23',
        seconds: 120,
      },
    );
    expect(text).toContain(
      '| text-classification, accuracy | 92.00 % (90.00, 94.00) | 81.00 % (80.00, 82.00) | +11.00 points |',
    );
    expect(text).toContain(
      '| token-classification, accuracy | 50.00 % (50.00, 50.00) | 62.50 % (62.50, 62.50) | -12.50 points |',
    );
  });

  it('replaces what is between the marks of a README, and nothing else', () => {
    const [begin, end] = ['<!-- measure:pretraining -->', '<!-- /measure:pretraining -->'];
    expect(withMeasurements(`# A\n${begin}\nold\n${end}\nrest`, 'new')).toBe(`# A\n${begin}\n\nnew\n\n${end}\nrest`);
    expect(() => withMeasurements('# A', 'new')).toThrow('must have');
  });
});
